-- When a provider last vouched for a user: their personal tokens rest when that is too long ago.
ALTER TABLE users ADD COLUMN vouched_at BIGINT;
CREATE INDEX identities_by_owner ON identities (owner);
