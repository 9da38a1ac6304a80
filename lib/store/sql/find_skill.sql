-- Everything about one skill.
-- $1 uuid skill
-- Rows: one. Zero rows: there is none.
-- Index: primary key. Locks: none.
SELECT id, tenant_id, name, description, body, status, version, array_to_json(source_trajectories)::text AS source_trajectories, promoted_by,
       created_at::text, promoted_at::text, deprecated_at::text
FROM skills
WHERE id = $1
