-- The body of a skill that a turn was offered, whatever became of the skill since.
-- $1 uuid tenant or NULL, $2 uuid skill
-- Rows: one. Zero rows: the tenant has no such skill.
-- Index: primary key. Locks: none.
SELECT body FROM skills WHERE id = $2 AND (tenant_id = $1 OR ($1::uuid IS NULL AND tenant_id IS NULL))
