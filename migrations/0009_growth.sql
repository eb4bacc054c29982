-- What is read of a room costs as much as the answer, and not as much as the room holds.

-- A range of starts, answered from the index alone.
CREATE INDEX instances_by_range ON instances (room_id, start_ms, end_ms, object_id);
DROP INDEX instances_by_start;

-- Series with instances after those that are rows: few, for the horizon moves on.
CREATE INDEX objects_going_on ON objects (room_id, expanded_until_ms)
    WHERE recurring AND (last_ms IS NULL OR last_ms > expanded_until_ms);
CREATE INDEX objects_behind ON objects (expanded_until_ms)
    WHERE recurring AND (last_ms IS NULL OR last_ms > expanded_until_ms);

-- Series with instances before those that are rows: for questions about years ago.
CREATE INDEX objects_come_from ON objects (room_id, expanded_from_ms)
    WHERE recurring AND first_ms < expanded_from_ms;

-- Who signs in without saying to which tenant.
CREATE INDEX principals_by_login ON principals (login);
