-- Closures in the order of time: where bookings may lie over each other nothing else keeps a booking out. Rows that were
-- written before they said how strongly they take the room may be closures too.
CREATE INDEX instances_closed ON instances (room_id, start_ms, end_ms, object_id)
    WHERE fbtype IS NULL OR fbtype = 'BUSY-UNAVAILABLE';
