-- Whether the weekly allocations of a booking system, where they are identical but for their date, come as one series.

ALTER TABLE mappings ADD COLUMN fold_allocations BOOLEAN NOT NULL DEFAULT FALSE;
