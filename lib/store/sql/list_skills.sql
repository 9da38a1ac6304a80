-- Skills for people to look at, newest first.
-- $1 text status or NULL for all, $2 uuid tenant or NULL for all, $3 integer how many
-- Rows: the skills without their bodies. Zero rows: none.
-- Index: none; the table is small. Locks: none.
SELECT id, tenant_id, name, description, '' AS body, status, version, array_to_json(source_trajectories)::text AS source_trajectories, promoted_by,
       created_at::text, promoted_at::text, deprecated_at::text
FROM skills
WHERE ($1::text IS NULL OR status = $1) AND ($2::uuid IS NULL OR tenant_id = $2)
ORDER BY created_at DESC, id
LIMIT $3
