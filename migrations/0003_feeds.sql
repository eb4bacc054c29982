-- Signed feeds. Of the token only a keyed hash is kept.

CREATE TABLE feeds (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    room_id TEXT NOT NULL REFERENCES rooms (id),
    label TEXT NOT NULL,
    token_hash TEXT NOT NULL UNIQUE,
    detail TEXT NOT NULL,
    past_days BIGINT NOT NULL,
    future_days BIGINT NOT NULL,
    version BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT,
    revoked_ms BIGINT,
    last_used_ms BIGINT,
    last_client TEXT NOT NULL
);
CREATE INDEX feeds_by_room ON feeds (tenant_id, room_id);

-- Hashes of tokens that were rotated away or revoked, so that a strange token and a withdrawn one differ (404, 410).
CREATE TABLE withdrawn_tokens (
    token_hash TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    feed_id TEXT NOT NULL,
    at_ms BIGINT NOT NULL
);
