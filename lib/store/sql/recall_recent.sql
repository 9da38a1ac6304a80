-- The newest visible memories.
-- $1 uuid user, $2 uuid tenant or NULL, $3 boolean own, $4 boolean team, $5 boolean org, $6 integer how many
-- Rows: newest first. Zero rows: the user sees none.
-- Index: memories_user_idx, memories_shared_idx. Locks: none.
SELECT id, kind, content, visibility, 0::double precision AS similarity
FROM memories
WHERE content IS NOT NULL
  AND (($3 AND user_id = $1 AND (tenant_id = $2 OR tenant_id IS NULL))
       OR ($4 AND visibility = 'team' AND (tenant_id = $2 OR ($2::uuid IS NULL AND tenant_id IS NULL)))
       OR ($5 AND visibility = 'org' AND (tenant_id = $2 OR ($2::uuid IS NULL AND tenant_id IS NULL))))
ORDER BY created_at DESC, id DESC
LIMIT $6
