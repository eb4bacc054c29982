-- Changes in a row that a subscription did not announce. From the second on it is taken for silent: its calendar is polled
-- as if there were none, until a notification comes.
ALTER TABLE subscriptions ADD COLUMN misses BIGINT NOT NULL DEFAULT 0;
