-- The newest memories that readers may see.
-- $1 jsonb array [{user_id, tenant_id, own, team, org, how_many}]: own, team and org are what the reader's roles allow
-- Rows: newest first, with their reader's place in the array, in that order. Zero rows: there is nothing to see.
-- Index: memories_user_idx, memories_shared_idx; each branch is read in its order and stops at how_many. Locks: none.
SELECT asked.place, newest.id, newest.kind, newest.content, newest.visibility, 0::double precision AS similarity
FROM ROWS FROM (jsonb_to_recordset($1::jsonb) AS (user_id uuid, tenant_id uuid, own boolean, team boolean, org boolean, how_many integer))
         WITH ORDINALITY AS asked (user_id, tenant_id, own, team, org, how_many, place)
CROSS JOIN LATERAL (
    SELECT * FROM (
        (SELECT m.id, m.kind, m.content, m.visibility, m.created_at
         FROM memories m
         WHERE asked.own AND m.user_id = asked.user_id AND (m.tenant_id = asked.tenant_id OR m.tenant_id IS NULL) AND m.content IS NOT NULL
         ORDER BY m.created_at DESC, m.id DESC
         LIMIT asked.how_many)
        UNION ALL
        -- What others share; and one's own where the role shows it only as shared.
        (SELECT m.id, m.kind, m.content, m.visibility, m.created_at
         FROM memories m
         WHERE (asked.team OR asked.org) AND m.tenant_id = asked.tenant_id AND m.visibility <> 'private'
           AND ((asked.team AND m.visibility = 'team') OR (asked.org AND m.visibility = 'org'))
           AND (NOT asked.own OR m.user_id IS DISTINCT FROM asked.user_id) AND m.content IS NOT NULL
         ORDER BY m.created_at DESC, m.id DESC
         LIMIT asked.how_many)
        UNION ALL
        (SELECT m.id, m.kind, m.content, m.visibility, m.created_at
         FROM memories m
         WHERE (asked.team OR asked.org) AND asked.tenant_id IS NULL AND m.tenant_id IS NULL AND m.visibility <> 'private'
           AND ((asked.team AND m.visibility = 'team') OR (asked.org AND m.visibility = 'org'))
           AND (NOT asked.own OR m.user_id IS DISTINCT FROM asked.user_id) AND m.content IS NOT NULL
         ORDER BY m.created_at DESC, m.id DESC
         LIMIT asked.how_many)) AS seen
    ORDER BY seen.created_at DESC, seen.id DESC
    LIMIT asked.how_many) AS newest
ORDER BY asked.place, newest.created_at DESC, newest.id DESC
