-- App passwords and API keys that end by themselves, may do less than their principal, and are replaced by another one.

-- From when on it opens nothing.
ALTER TABLE secrets ADD COLUMN expires_ms BIGINT;
-- When another one took its place; until it ends, both work.
ALTER TABLE secrets ADD COLUMN rotated_ms BIGINT;
-- What it may do of what its principal may, as JSON; empty for all of it.
ALTER TABLE secrets ADD COLUMN scope TEXT NOT NULL DEFAULT '';
-- Looked for every minute, for all tenants at once.
CREATE INDEX secrets_by_end ON secrets (expires_ms) WHERE expires_ms IS NOT NULL;
