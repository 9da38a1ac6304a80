-- The body of a promoted skill; of several with the same name the one that was promoted last.
-- $1 uuid tenant or NULL, $2 text name
-- Rows: one. Zero rows: the tenant has no promoted skill of that name.
-- Index: skills_tenant_status_idx. Locks: none.
SELECT body FROM skills
WHERE status = 'promoted' AND (tenant_id = $1 OR ($1::uuid IS NULL AND tenant_id IS NULL)) AND name = $2
ORDER BY promoted_at DESC NULLS LAST, version DESC, id
LIMIT 1
