-- How strongly an instance takes the room (FBTYPE, RFC 5545, 3.2.9): free-busy is then read from rows alone. NULL in rows
-- that were written before; their objects are read instead.
ALTER TABLE instances ADD COLUMN fbtype TEXT;
