-- Who is told over HTTP what happens in a tenant, and what is to be told: one row for each webhook and happening, written
-- in the transaction of what happened.

CREATE TABLE webhooks (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    label TEXT NOT NULL,
    url TEXT NOT NULL,
    -- Words with a space before and after each; empty for all.
    kinds TEXT NOT NULL,
    -- Ids of rooms in the same way; empty for all.
    rooms TEXT NOT NULL,
    detail TEXT NOT NULL,
    sealed_secret TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    -- Nothing is sent before.
    due_ms BIGINT NOT NULL,
    failures BIGINT NOT NULL DEFAULT 0,
    failing_since_ms BIGINT,
    last_error TEXT NOT NULL DEFAULT '',
    delivered_ms BIGINT,
    created_ms BIGINT NOT NULL
);
CREATE INDEX webhooks_by_tenant ON webhooks (tenant_id, id);

CREATE TABLE deliveries (
    webhook_id TEXT NOT NULL REFERENCES webhooks (id),
    -- The happening; the same for every webhook that is told of it.
    id TEXT NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    kind TEXT NOT NULL,
    room_id TEXT NOT NULL,
    uid TEXT NOT NULL,
    -- The room's sequence number, by which what happens in one room is ordered.
    seq BIGINT NOT NULL,
    -- Id of the conflict, mapping or alert it is about.
    subject TEXT NOT NULL,
    sentence TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    state TEXT NOT NULL,
    due_ms BIGINT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    status BIGINT,
    last_error TEXT NOT NULL DEFAULT '',
    ended_ms BIGINT,
    PRIMARY KEY (webhook_id, id)
);
CREATE INDEX deliveries_pending ON deliveries (webhook_id, room_id, seq, id) WHERE state = 'pending';
CREATE INDEX deliveries_by_age ON deliveries (state, at_ms);
