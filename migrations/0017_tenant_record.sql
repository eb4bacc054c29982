-- What is known of a tenant: whether it works, what it may use, how much it may ask for at once.

ALTER TABLE tenants ADD COLUMN display_name TEXT NOT NULL DEFAULT '';
ALTER TABLE tenants ADD COLUMN state TEXT NOT NULL DEFAULT 'active';
-- Why it is in its state.
ALTER TABLE tenants ADD COLUMN reason TEXT NOT NULL DEFAULT '';
-- Whose work is taken up first; the smaller number.
ALTER TABLE tenants ADD COLUMN priority BIGINT NOT NULL DEFAULT 100;
-- NULL: as the server's configuration says.
ALTER TABLE tenants ADD COLUMN sync_frequency_minutes BIGINT;
ALTER TABLE tenants ADD COLUMN webhook_enabled BOOLEAN NOT NULL DEFAULT TRUE;
ALTER TABLE tenants ADD COLUMN deletion_sync_enabled BOOLEAN NOT NULL DEFAULT TRUE;
ALTER TABLE tenants ADD COLUMN real_time_sync BOOLEAN NOT NULL DEFAULT TRUE;
ALTER TABLE tenants ADD COLUMN health_monitoring BOOLEAN NOT NULL DEFAULT TRUE;
ALTER TABLE tenants ADD COLUMN max_bridges BIGINT NOT NULL DEFAULT 10;
ALTER TABLE tenants ADD COLUMN max_events_per_sync BIGINT NOT NULL DEFAULT 1000;
ALTER TABLE tenants ADD COLUMN rate_limit_per_minute BIGINT NOT NULL DEFAULT 6000;

-- Rooms and bridges that were removed keep their row, for mappings and links that ended name them. NULL: it is there.
ALTER TABLE rooms ADD COLUMN removed_ms BIGINT;
ALTER TABLE bridges ADD COLUMN removed_ms BIGINT;
