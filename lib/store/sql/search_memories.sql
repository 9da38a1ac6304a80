-- The visible memories whose text holds a query, or resembles words of it by trigrams.
-- $1 uuid user, $2 uuid tenant or NULL, $3 boolean own, $4 boolean team, $5 boolean org, $6 text query, $7 integer how many
-- Rows: best first; similarity is the mean over the query's words of three letters and more. Zero rows: nothing resembles it.
-- Index: memories_user_idx, memories_shared_idx; the texts that these leave are compared one by one. Locks: none.
SELECT m.id, m.kind, m.content, m.visibility, CASE WHEN strpos(lower(m.content), lower($6)) > 0 THEN 1 ELSE words.mean END AS similarity
FROM memories m
CROSS JOIN LATERAL (
    SELECT coalesce(avg(word_similarity(word, m.content)), 0)::double precision AS mean, coalesce(max(word_similarity(word, m.content)), 0) AS best
    FROM regexp_split_to_table(lower($6), '[^[:alnum:]]+') AS word
    WHERE char_length(word) >= 3) AS words
WHERE m.content IS NOT NULL
  AND (($3 AND m.user_id = $1 AND (m.tenant_id = $2 OR m.tenant_id IS NULL))
       OR ($4 AND m.visibility = 'team' AND (m.tenant_id = $2 OR ($2::uuid IS NULL AND m.tenant_id IS NULL)))
       OR ($5 AND m.visibility = 'org' AND (m.tenant_id = $2 OR ($2::uuid IS NULL AND m.tenant_id IS NULL))))
  AND (words.best >= 0.6 OR strpos(lower(m.content), lower($6)) > 0)
ORDER BY similarity DESC, m.created_at DESC, m.id
LIMIT $7
