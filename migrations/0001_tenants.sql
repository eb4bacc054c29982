-- Organisations, the principals that log in, and what they may do.
-- Vocabulary of every file here: TEXT, BIGINT (milliseconds end in _ms), BOOLEAN; nothing else runs on both engines.

CREATE TABLE tenants (
    id TEXT PRIMARY KEY,
    tenant_key TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    zone TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);

CREATE TABLE principals (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    login TEXT NOT NULL,
    display_name TEXT NOT NULL,
    email TEXT NOT NULL,
    kind TEXT NOT NULL,
    role TEXT NOT NULL,
    disabled BOOLEAN NOT NULL,
    created_ms BIGINT NOT NULL,
    UNIQUE (tenant_id, login)
);

-- App passwords and API keys: only argon2id hashes. `lookup` is the public prefix of an API key, empty for passwords.
CREATE TABLE secrets (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    principal_id TEXT NOT NULL REFERENCES principals (id),
    kind TEXT NOT NULL,
    label TEXT NOT NULL,
    lookup TEXT NOT NULL,
    hash TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    last_used_ms BIGINT,
    revoked_ms BIGINT
);
CREATE INDEX secrets_by_principal ON secrets (tenant_id, principal_id);
CREATE INDEX secrets_by_lookup ON secrets (lookup);

-- What a principal may do in one room; room_id '*' stands for every room of the tenant.
CREATE TABLE grants (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    principal_id TEXT NOT NULL REFERENCES principals (id),
    room_id TEXT NOT NULL,
    privilege TEXT NOT NULL,
    PRIMARY KEY (tenant_id, principal_id, room_id)
);
