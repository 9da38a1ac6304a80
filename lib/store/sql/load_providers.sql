-- The providers that a user may use, in the order in which they are to be tried.
-- $1 uuid user, $2 uuid tenant or NULL
-- Rows: the user's own, then the tenant's, then the installation's; preferred ones first within each. Zero rows: none is set up.
-- Index: providers_user_provider_key, providers_tenant_provider_key. Locks: none.
SELECT id, CASE WHEN user_id IS NOT NULL THEN 0 WHEN tenant_id IS NOT NULL THEN 1 ELSE 2 END AS owner, provider, kind, base_url, api_version,
       credentials, default_model, preferred, settings
FROM providers
WHERE enabled
  AND ((user_id = $1 AND (tenant_id IS NULL OR tenant_id = $2)) OR (user_id IS NULL AND (tenant_id IS NULL OR tenant_id = $2)))
ORDER BY owner, preferred DESC, created_at, id
