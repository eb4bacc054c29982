-- Who wants to be told over Web Push that a room has changed (WebDAV-Push): one row for each push resource, room and
-- principal. The push resource and the keys of its owner are sealed: whoever has them can write to somebody's telephone.

CREATE TABLE push_registrations (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    principal_id TEXT NOT NULL REFERENCES principals (id),
    room_id TEXT NOT NULL REFERENCES rooms (id),
    -- Keyed hash of the push resource, by which a repeated registration is known.
    resource_hash TEXT NOT NULL,
    sealed_target TEXT NOT NULL,
    -- Which triggers were asked for.
    content BOOLEAN NOT NULL,
    property BOOLEAN NOT NULL,
    -- The room's sequence number that was last told, or need not be told.
    told_seq BIGINT NOT NULL,
    -- How often a property of the room has changed, and up to where that was told.
    property_seq BIGINT NOT NULL DEFAULT 0,
    property_told BIGINT NOT NULL DEFAULT 0,
    -- Nothing is sent before.
    due_ms BIGINT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    last_error TEXT NOT NULL DEFAULT '',
    expires_ms BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    UNIQUE (room_id, principal_id, resource_hash)
);
CREATE INDEX push_registrations_by_principal ON push_registrations (tenant_id, principal_id);
CREATE INDEX push_registrations_by_expiry ON push_registrations (expires_ms);
