-- What somebody should look at: one row for each cause while it lasts, and for a while afterwards.

CREATE TABLE alerts (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    kind TEXT NOT NULL,
    -- What the alert is about: the id of a bridge, mapping, conflict or webhook; empty for the tenant.
    cause TEXT NOT NULL,
    severity TEXT NOT NULL,
    room_id TEXT NOT NULL,
    sentence TEXT NOT NULL,
    state TEXT NOT NULL,
    raised_ms BIGINT NOT NULL,
    -- Since when the cause is gone; an alert settles only when it stays gone.
    absent_since_ms BIGINT,
    acknowledged_ms BIGINT,
    acknowledged_by TEXT NOT NULL DEFAULT '',
    settled_ms BIGINT
);
CREATE UNIQUE INDEX alerts_standing ON alerts (tenant_id, kind, cause) WHERE state <> 'settled';
CREATE INDEX alerts_by_tenant ON alerts (tenant_id, id);
