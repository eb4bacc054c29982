-- The rules by which instances were last computed: a new time zone database shows by what differs from them.
CREATE TABLE zones (
    name TEXT PRIMARY KEY,
    -- Digest of the zone's data.
    rules TEXT NOT NULL,
    -- The release of the database, e.g. 2026b.
    tzdata TEXT NOT NULL
);
