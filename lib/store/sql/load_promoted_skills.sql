-- The promoted skills of a tenant; of several with the same name the one that was promoted last.
-- $1 uuid tenant or NULL
-- Rows: by name. Zero rows: none is promoted.
-- Index: skills_tenant_status_idx. Locks: none.
SELECT DISTINCT ON (name) id, name, description, version FROM skills
WHERE status = 'promoted' AND (tenant_id = $1 OR ($1::uuid IS NULL AND tenant_id IS NULL))
ORDER BY name, promoted_at DESC NULLS LAST, version DESC, id
