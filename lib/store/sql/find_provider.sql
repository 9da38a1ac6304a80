-- The provider row of one name that belongs to exactly this owner.
-- $1 text provider, $2 uuid tenant or NULL, $3 uuid user or NULL; without both it is the installation's
-- Rows: one id. Zero rows: that owner has no such provider.
-- Index: providers_user_provider_key, providers_tenant_provider_key. Locks: none.
SELECT id FROM providers
WHERE provider = $1 AND user_id IS NOT DISTINCT FROM $3::uuid AND ($3::uuid IS NOT NULL OR tenant_id IS NOT DISTINCT FROM $2::uuid)
