-- Takes the preference from the other rows of one row's owner.
-- $1 uuid row
-- Rows: none.
-- Index: primary key. Locks: the other rows of that owner that are preferred.
UPDATE providers other SET preferred = false
FROM providers own
WHERE own.id = $1 AND other.id <> own.id AND other.preferred AND other.user_id IS NOT DISTINCT FROM own.user_id
  AND (own.user_id IS NOT NULL OR other.tenant_id IS NOT DISTINCT FROM own.tenant_id)
