-- Rooms as calendar collections, their objects, and what is derived from these in the same transaction.

CREATE TABLE rooms (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    zone TEXT NOT NULL,
    email TEXT NOT NULL,
    description TEXT NOT NULL,
    building TEXT NOT NULL,
    capacity BIGINT,
    color TEXT NOT NULL,
    -- Whether bookings may lie over each other, as in a foyer or on a pool of loan computers.
    allow_overlaps BOOLEAN NOT NULL,
    -- Sequence number of the last change: the room's lock, its ctag and its sync token.
    seq BIGINT NOT NULL,
    modified_ms BIGINT NOT NULL,
    -- Length of the longest instance there ever was, so that range queries need not look further back.
    longest_ms BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    UNIQUE (tenant_id, slug)
);

CREATE TABLE objects (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    room_id TEXT NOT NULL REFERENCES rooms (id),
    name TEXT NOT NULL,
    uid TEXT NOT NULL,
    etag TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    class TEXT NOT NULL,
    -- Where the booking was born: 'hub' or the id of a mapping.
    origin TEXT NOT NULL,
    body TEXT NOT NULL,
    seq BIGINT NOT NULL,
    recurring BOOLEAN NOT NULL,
    -- The span of the recurrence set; last_ms is NULL where it has no end.
    first_ms BIGINT NOT NULL,
    last_ms BIGINT,
    -- The range for which rows in instances are complete.
    expanded_from_ms BIGINT NOT NULL,
    expanded_until_ms BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    modified_ms BIGINT NOT NULL,
    UNIQUE (room_id, name),
    UNIQUE (room_id, uid)
);

-- The last change of every name there ever was in a room (RFC 6578): ordered by seq it replays to the present state.
CREATE TABLE changes (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    room_id TEXT NOT NULL REFERENCES rooms (id),
    name TEXT NOT NULL,
    uid TEXT NOT NULL,
    seq BIGINT NOT NULL,
    deleted BOOLEAN NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (room_id, name)
);
CREATE UNIQUE INDEX changes_by_seq ON changes (room_id, seq);

-- Expanded instances inside the horizon. Range queries, free-busy and the overlap check read these.
CREATE TABLE instances (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    room_id TEXT NOT NULL REFERENCES rooms (id),
    object_id TEXT NOT NULL REFERENCES objects (id),
    start_ms BIGINT NOT NULL,
    end_ms BIGINT NOT NULL,
    recurrence_id TEXT NOT NULL,
    busy BOOLEAN NOT NULL,
    PRIMARY KEY (object_id, recurrence_id, start_ms)
);
CREATE INDEX instances_by_start ON instances (room_id, start_ms);

-- WebDAV properties that clients set, each for the principal who set it (RFC 4918, 4.3).
CREATE TABLE properties (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    principal_id TEXT NOT NULL REFERENCES principals (id),
    resource TEXT NOT NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (tenant_id, principal_id, resource, namespace, name)
);
