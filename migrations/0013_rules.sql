-- What rooms ask of their bookings, and bookings that wait for somebody who administers the room.

CREATE TABLE room_rules (
    room_id TEXT PRIMARY KEY REFERENCES rooms (id),
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    -- The rules in their JSON form.
    rules TEXT NOT NULL,
    changed_ms BIGINT NOT NULL,
    changed_by TEXT NOT NULL
);
CREATE INDEX room_rules_by_tenant ON room_rules (tenant_id);

CREATE TABLE approvals (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    room_id TEXT NOT NULL REFERENCES rooms (id),
    uid TEXT NOT NULL,
    -- Title and first time of the booking when it was asked for.
    summary TEXT NOT NULL,
    start_ms BIGINT NOT NULL,
    end_ms BIGINT NOT NULL,
    recurring BOOLEAN NOT NULL,
    -- The login of who asks.
    requested_by TEXT NOT NULL,
    requested_ms BIGINT NOT NULL,
    state TEXT NOT NULL,
    decided_by TEXT NOT NULL,
    decided_ms BIGINT,
    reason TEXT NOT NULL
);
CREATE UNIQUE INDEX approvals_waiting ON approvals (room_id, uid) WHERE state = 'pending';
CREATE INDEX approvals_by_state ON approvals (tenant_id, state, id);

-- What leaves where a stronger reservation class lies over a weaker one.
ALTER TABLE mappings ADD COLUMN projection TEXT NOT NULL DEFAULT 'highest_wins';
