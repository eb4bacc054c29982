-- Whether bookings may lie over each other, as in a foyer or on a pool of loan computers.

ALTER TABLE rooms ADD COLUMN allow_overlaps BOOLEAN NOT NULL DEFAULT FALSE;
