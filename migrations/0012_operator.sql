-- What a person may decide: proposals with a deadline, removals released from the brake, plans that wait for approval.

ALTER TABLE conflicts ADD COLUMN proposal TEXT NOT NULL DEFAULT '';
ALTER TABLE conflicts ADD COLUMN deadline_ms BIGINT;
ALTER TABLE conflicts ADD COLUMN decided_by TEXT NOT NULL DEFAULT '';
-- Fingerprint of the hub's booking as the rule left it: a later decision must not overwrite a later change.
ALTER TABLE conflicts ADD COLUMN standing TEXT NOT NULL DEFAULT '';
UPDATE conflicts SET state = 'auto', decided_by = 'rule' WHERE state = 'settled';
CREATE INDEX conflicts_by_deadline ON conflicts (state, deadline_ms);

-- How many removals the next run may carry out although the brake would hold it; a person has seen the list.
ALTER TABLE mappings ADD COLUMN allowed_removals BIGINT NOT NULL DEFAULT 0;

-- What a first contact would do, for who has to approve it: one row for each mapping that waits.
CREATE TABLE plans (
    mapping_id TEXT PRIMARY KEY REFERENCES mappings (id),
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    made_ms BIGINT NOT NULL,
    plan TEXT NOT NULL
);
