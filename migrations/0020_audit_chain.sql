-- Every entry of the audit carries the code of the one before, so that none can be changed, moved or taken out unseen.

-- The number in the tenant's chain; NULL until the entry is chained, a moment after it was committed.
ALTER TABLE audit ADD COLUMN chain_no BIGINT;
-- Code over number, fields, personal digest and the code of the entry before.
ALTER TABLE audit ADD COLUMN chain_hash TEXT NOT NULL DEFAULT '';
-- Salted digest of what may name a person (actor, detail, request); it stays when these are erased and the salt with them.
ALTER TABLE audit ADD COLUMN personal TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN salt TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN erased_ms BIGINT;
-- The request behind it as JSON: address, program, method, path, id, and for a refusal status and time. Empty where none.
ALTER TABLE audit ADD COLUMN request TEXT NOT NULL DEFAULT '';
CREATE INDEX audit_unchained ON audit (tenant_id, id) WHERE chain_no IS NULL;
CREATE UNIQUE INDEX audit_by_chain ON audit (tenant_id, chain_no) WHERE chain_no IS NOT NULL;

-- Where the chain of a tenant ends, and where it begins since older entries were archived.
CREATE TABLE audit_heads (
    tenant_id TEXT PRIMARY KEY REFERENCES tenants (id),
    last_no BIGINT NOT NULL,
    last_hash TEXT NOT NULL,
    anchor_no BIGINT NOT NULL,
    anchor_hash TEXT NOT NULL,
    -- Code over the four.
    code TEXT NOT NULL
);

-- How long which data is kept. A type without a row is kept as long as the program's own rules say.
CREATE TABLE retention_policies (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    data_type TEXT NOT NULL,
    keep_days BIGINT NOT NULL,
    archive BOOLEAN NOT NULL,
    changed_ms BIGINT NOT NULL,
    changed_by TEXT NOT NULL,
    PRIMARY KEY (tenant_id, data_type)
);
