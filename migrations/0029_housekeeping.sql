-- What is looked for every minute stands among what has been kept for long, so each has an index of its own: writes that
-- were given up, and what has been kept long enough.
CREATE INDEX operations_given_up ON operations (tenant_id, ended_ms) WHERE state = 'failed';
CREATE INDEX inbox_done ON inbox (done_ms) WHERE done_ms IS NOT NULL;
CREATE INDEX sync_runs_ended ON sync_runs (ended_ms);
CREATE INDEX conflicts_decided ON conflicts (decided_ms) WHERE state <> 'open';
CREATE INDEX alerts_settled ON alerts (settled_ms) WHERE state = 'settled';
CREATE INDEX deliveries_ended ON deliveries (at_ms) WHERE state <> 'pending';
