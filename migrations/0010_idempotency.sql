-- Requests that were carried out once and are not to be carried out again (header Idempotency-Key of REST). The answer is
-- sealed: it may hold a password or a feed's address. Empty until the answer is known; rows are kept for a day.

CREATE TABLE idempotency_keys (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    principal_id TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    -- A digest of method, path and body.
    fingerprint TEXT NOT NULL,
    answer TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, principal_id, idempotency_key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_ms);
