-- Keeps a user's preference: adds it, or replaces the text of the one that is known about its topic, which is embedded anew then (trigger
-- memories_content_changed). A memory that the same turn added about it, through the tool memory_add, becomes this preference.
-- $1 uuid user, $2 uuid tenant or NULL, $3 text topic, $4 text content, $5 text session, $6 text key, $7 text how keys of this turn begin,
-- $8 text what was said, or empty
-- Rows: its id, and whether it replaced an earlier text. Zero rows: just this is known.
-- Index: memories_preference_idx, memories_user_idx. Locks: the replaced row, under lock_preferences.
WITH known AS MATERIALIZED (
    SELECT id, content, metadata ->> 'topic' IS NOT DISTINCT FROM $3 AS same_topic
    FROM memories
    WHERE user_id = $1 AND kind = 'preference' AND visibility = 'private' AND tenant_id IS NOT DISTINCT FROM $2
      AND (metadata ->> 'topic' = $3 OR lower(content) = lower($4))
    ORDER BY same_topic DESC, created_at DESC, id LIMIT 1
), of_this_turn AS MATERIALIZED (
    SELECT id, content
    FROM memories
    WHERE user_id = $1 AND visibility = 'private' AND created_at > now() - interval '1 day' AND starts_with(idempotency_key, $7)
      AND idempotency_key <> $6 AND $8 <> '' AND strpos(lower(content), lower($8)) > 0
    ORDER BY created_at, id LIMIT 1
), removed AS (
    -- The same twice would contradict itself after the next change.
    DELETE FROM memories WHERE id IN (SELECT id FROM of_this_turn) AND EXISTS (SELECT FROM known WHERE known.id NOT IN (SELECT id FROM of_this_turn))
), target AS (
    SELECT id, content, true AS replaced FROM known
    UNION ALL
    SELECT id, content, false FROM of_this_turn WHERE NOT EXISTS (SELECT FROM known)
), changed AS (
    UPDATE memories m
    SET content = $4, kind = 'preference', source_session_id = $5,
        metadata = m.metadata || jsonb_build_object('topic', $3::text) || CASE WHEN target.replaced THEN jsonb_build_object('replaced', target.content) ELSE '{}' END
    FROM target
    WHERE m.id = target.id AND (target.content <> $4 OR NOT target.replaced)
    RETURNING m.id, target.replaced
), added AS (
    INSERT INTO memories (user_id, tenant_id, kind, content, visibility, source_session_id, idempotency_key, metadata)
    SELECT $1, $2, 'preference', $4, 'private', $5, $6, jsonb_build_object('topic', $3::text)
    WHERE NOT EXISTS (SELECT FROM target)
    ON CONFLICT (idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
    RETURNING id
)
SELECT id, replaced FROM changed
UNION ALL
SELECT id, false FROM added
