-- What left for the remote side and was not answered yet, apart from what both sides agreed on.

ALTER TABLE links ADD COLUMN sent TEXT NOT NULL DEFAULT '';
UPDATE links SET sent = base, base = '' WHERE state = 'creating';
CREATE INDEX links_forgotten ON links (mapping_id, remote_id) WHERE state = 'forgotten';
CREATE INDEX links_unanswered ON links (mapping_id) WHERE state = 'creating';
