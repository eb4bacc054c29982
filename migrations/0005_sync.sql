-- What both sides agreed on, what is being sent, and what came in. No cascade ever deletes a link.

CREATE TABLE links (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    mapping_id TEXT NOT NULL REFERENCES mappings (id),
    uid TEXT NOT NULL,
    -- Empty for the whole event, else the recurrence id of the instance this remote item carries.
    part TEXT NOT NULL,
    -- NULL until the create is confirmed.
    remote_id TEXT,
    remote_version TEXT,
    -- Idempotency key of the create: derived from the link and its epoch.
    create_key TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    -- The content both sides last agreed on; JSON of the normal form.
    base TEXT NOT NULL,
    -- The base as the remote side writes it, where it rewrites what it is given; else empty.
    echo TEXT NOT NULL,
    state TEXT NOT NULL,
    -- 'hub' or 'remote': where the booking was born.
    born TEXT NOT NULL,
    locked TEXT NOT NULL,
    written_ms BIGINT NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX links_by_remote ON links (mapping_id, remote_id) WHERE state <> 'forgotten';
CREATE UNIQUE INDEX links_by_part ON links (mapping_id, uid, part) WHERE state <> 'forgotten';
CREATE INDEX links_by_key ON links (mapping_id, create_key);

-- The outbox: at most one open operation for an event on a mapping; a newer wish rewrites it.
CREATE TABLE operations (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    mapping_id TEXT NOT NULL REFERENCES mappings (id),
    room_id TEXT NOT NULL REFERENCES rooms (id),
    uid TEXT NOT NULL,
    state TEXT NOT NULL,
    open BOOLEAN NOT NULL,
    -- The room's sequence number of the change that caused it, raised when a newer change joins.
    cause_seq BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    due_ms BIGINT NOT NULL,
    lease_until_ms BIGINT NOT NULL,
    lease_owner TEXT NOT NULL,
    last_error TEXT NOT NULL,
    remote_writes BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    ended_ms BIGINT
);
CREATE UNIQUE INDEX operations_open ON operations (mapping_id, uid) WHERE open;
CREATE INDEX operations_by_due ON operations (open, due_ms);
CREATE INDEX operations_by_room ON operations (tenant_id, room_id, created_ms);

-- Notifications, each stored once; hints only.
CREATE TABLE inbox (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    mapping_id TEXT NOT NULL REFERENCES mappings (id),
    delivery_key TEXT NOT NULL,
    kind TEXT NOT NULL,
    received_ms BIGINT NOT NULL,
    due_ms BIGINT NOT NULL,
    done_ms BIGINT,
    UNIQUE (mapping_id, delivery_key)
);
CREATE INDEX inbox_waiting ON inbox (mapping_id, done_ms);

CREATE TABLE subscriptions (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    mapping_id TEXT NOT NULL REFERENCES mappings (id),
    -- The opaque last segment of the notification URL.
    hook_key TEXT NOT NULL UNIQUE,
    -- The public address the notification URL began with: another one today makes the subscription useless.
    hook_base TEXT NOT NULL,
    -- The shared secret, sealed: needed in clear to verify signatures.
    sealed_secret TEXT NOT NULL,
    remote_id TEXT,
    state TEXT NOT NULL,
    expires_ms BIGINT,
    renew_ms BIGINT NOT NULL,
    notified_ms BIGINT,
    last_error TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE INDEX subscriptions_by_mapping ON subscriptions (mapping_id, state);
CREATE INDEX subscriptions_by_remote ON subscriptions (remote_id);

-- Who works on what. The token rises with every new holder and fences those who slept through theirs.
CREATE TABLE leases (
    name TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    token BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL
);

CREATE TABLE conflicts (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    room_id TEXT NOT NULL REFERENCES rooms (id),
    mapping_id TEXT NOT NULL,
    uid TEXT NOT NULL,
    kind TEXT NOT NULL,
    sentence TEXT NOT NULL,
    ours TEXT NOT NULL,
    theirs TEXT NOT NULL,
    state TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    decided_ms BIGINT,
    decision TEXT NOT NULL
);
CREATE INDEX conflicts_by_state ON conflicts (tenant_id, state, created_ms);
CREATE INDEX conflicts_by_event ON conflicts (room_id, uid);

CREATE TABLE sync_runs (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    mapping_id TEXT NOT NULL REFERENCES mappings (id),
    kind TEXT NOT NULL,
    started_ms BIGINT NOT NULL,
    ended_ms BIGINT NOT NULL,
    seen BIGINT NOT NULL,
    applied BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX sync_runs_by_mapping ON sync_runs (mapping_id, started_ms);
