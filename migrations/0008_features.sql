-- What a room has, for people who look for one with a projector: words in lower case, separated by commas.

ALTER TABLE rooms ADD COLUMN features TEXT NOT NULL DEFAULT '';
