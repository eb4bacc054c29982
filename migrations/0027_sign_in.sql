-- Signing in by an OpenID Connect provider, and the sessions of browsers.

-- Who a tenant trusts to say who somebody is. The secret is sealed; everything else is settings as JSON.
CREATE TABLE providers (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL,
    label TEXT NOT NULL,
    issuer TEXT NOT NULL,
    client_id TEXT NOT NULL,
    settings TEXT NOT NULL,
    sealed_secret TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    UNIQUE (tenant_id, name)
);
CREATE INDEX providers_by_issuer ON providers (issuer);

-- Who is whom: a provider's name for somebody, and the principal here.
CREATE TABLE identities (
    provider_id TEXT NOT NULL REFERENCES providers (id),
    subject TEXT NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    principal_id TEXT NOT NULL REFERENCES principals (id),
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (provider_id, subject)
);
CREATE INDEX identities_by_principal ON identities (tenant_id, principal_id);

-- Browsers that are signed in: only a keyed hash of what their cookie says.
CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    principal_id TEXT NOT NULL REFERENCES principals (id),
    provider_id TEXT NOT NULL REFERENCES providers (id),
    token_hash TEXT NOT NULL UNIQUE,
    agent TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    last_used_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL
);
CREATE INDEX sessions_by_principal ON sessions (tenant_id, principal_id);
CREATE INDEX sessions_by_age ON sessions (expires_ms);

-- Browsers that were sent to a provider and are expected back, each once.
CREATE TABLE sign_ins (
    token_hash TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    provider_id TEXT NOT NULL REFERENCES providers (id),
    expires_ms BIGINT NOT NULL
);
CREATE INDEX sign_ins_by_age ON sign_ins (expires_ms);
