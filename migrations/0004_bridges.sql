-- Remote systems, and which room hangs together with which remote calendar.

CREATE TABLE bridges (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    -- Everything but secrets, as JSON.
    settings TEXT NOT NULL,
    -- Secrets as a sealed JSON object.
    sealed TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    -- Keyed hash of what the configuration declared when it was last applied; empty where it never did.
    declared TEXT NOT NULL DEFAULT '',
    UNIQUE (tenant_id, name)
);

CREATE TABLE mappings (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    room_id TEXT NOT NULL REFERENCES rooms (id),
    bridge_id TEXT NOT NULL REFERENCES bridges (id),
    remote_id TEXT NOT NULL,
    remote_name TEXT NOT NULL,
    direction TEXT NOT NULL,
    authority TEXT NOT NULL,
    detail TEXT NOT NULL,
    state TEXT NOT NULL,
    -- Why the mapping is held or suspended.
    reason TEXT NOT NULL,
    -- Where reading goes on from, sealed; empty before the first complete read.
    cursor TEXT NOT NULL,
    window_start_ms BIGINT NOT NULL,
    window_end_ms BIGINT NOT NULL,
    -- When the next pull is due, when the last one and the last complete one ended well, failures in a row.
    due_ms BIGINT NOT NULL,
    -- Since when a change is known to wait (a webhook, a failed pull); NULL when nothing waits.
    dirty_since_ms BIGINT,
    -- The latest moment for which a notification asked for a pull: one that began earlier does not answer it.
    wanted_ms BIGINT,
    pulled_ms BIGINT,
    completed_ms BIGINT,
    failures BIGINT NOT NULL,
    last_error TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);
-- A remote calendar belongs to one room, a room has at most one calendar on a bridge: the star around the hub.
CREATE UNIQUE INDEX mappings_by_remote ON mappings (bridge_id, remote_id) WHERE state <> 'removed';
CREATE UNIQUE INDEX mappings_by_room ON mappings (room_id, bridge_id) WHERE state <> 'removed';
CREATE INDEX mappings_by_due ON mappings (state, due_ms);
