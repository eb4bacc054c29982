-- Whose turn it is when many calendars are due at once: the first of each tenant, found by its index and not by sorting all.
CREATE INDEX mappings_by_turn ON mappings (tenant_id, due_ms) WHERE state = 'active';
