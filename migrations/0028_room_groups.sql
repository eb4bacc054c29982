-- Rooms that rights are given for together. A grant names a group as 'group:<id>' in its room_id.

CREATE TABLE room_groups (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    UNIQUE (tenant_id, slug)
);

CREATE TABLE room_group_members (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    group_id TEXT NOT NULL REFERENCES room_groups (id),
    room_id TEXT NOT NULL REFERENCES rooms (id),
    PRIMARY KEY (group_id, room_id)
);
CREATE INDEX room_group_members_by_room ON room_group_members (tenant_id, room_id);
