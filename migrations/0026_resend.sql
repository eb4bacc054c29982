-- A delivery that was given up can be asked for again; from then on it is tried for as long as a new one.

ALTER TABLE deliveries ADD COLUMN again_ms BIGINT;
