-- The visible memories whose text resembles a query, by trigrams of its words.
-- $1 uuid user, $2 uuid tenant or NULL, $3 boolean own, $4 boolean team, $5 boolean org, $6 text query, $7 integer how many
-- Rows: best first. Zero rows: nothing resembles it.
-- Index: memories_content_idx, memories_user_idx, memories_shared_idx. Locks: none.
SELECT id, kind, content, visibility, greatest(word_similarity($6, content), word_similarity(content, $6))::double precision AS similarity
FROM memories
WHERE content IS NOT NULL
  AND ($6 <% content OR content <% $6 OR strpos(lower(content), lower($6)) > 0)
  AND (($3 AND user_id = $1 AND (tenant_id = $2 OR tenant_id IS NULL))
       OR ($4 AND visibility = 'team' AND (tenant_id = $2 OR ($2::uuid IS NULL AND tenant_id IS NULL)))
       OR ($5 AND visibility = 'org' AND (tenant_id = $2 OR ($2::uuid IS NULL AND tenant_id IS NULL))))
ORDER BY similarity DESC, created_at DESC, id
LIMIT $7
