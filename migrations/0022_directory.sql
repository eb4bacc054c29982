-- The number of a tenant's directory: it rises with every change of who may log in, what they may do, which rooms there
-- are, how they are described and what people have set on them. What was read of these holds while it stands.
ALTER TABLE tenants ADD COLUMN directory BIGINT NOT NULL DEFAULT 0;
