-- Every change of state and who caused it.

CREATE TABLE audit (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    at_ms BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    room_id TEXT NOT NULL,
    uid TEXT NOT NULL,
    -- The room's sequence number of the change; 0 where none.
    seq BIGINT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX audit_by_time ON audit (tenant_id, at_ms);
CREATE INDEX audit_by_event ON audit (tenant_id, room_id, uid, at_ms);
