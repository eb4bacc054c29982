-- The keys that secrets are sealed with, each wrapped by the master key, which is not in the database.

CREATE TABLE data_keys (
    id TEXT PRIMARY KEY,
    -- 'root': signatures and keyed hashes come from it; 'seal': seals secrets.
    purpose TEXT NOT NULL,
    -- Empty once the key is retired: nothing can be opened with it any more.
    wrapped TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    -- Every replica knows a key before anybody seals with it.
    seals_from_ms BIGINT NOT NULL,
    retired_ms BIGINT
);
