-- The providers that users may use, in the order in which they are to be tried.
-- $1 jsonb array [{user_id, tenant_id}]
-- Rows: with their user's place in the array, in that order: the user's own, then the tenant's, then the installation's; preferred ones
-- first within each. Zero rows: none is set up.
-- Index: providers_user_provider_key, providers_tenant_provider_key. Locks: none.
SELECT asked.place, p.id, CASE WHEN p.user_id IS NOT NULL THEN 0 WHEN p.tenant_id IS NOT NULL THEN 1 ELSE 2 END AS owner, p.provider,
       p.kind, p.base_url, p.api_version, p.credentials, p.default_model, p.preferred, p.settings
FROM ROWS FROM (jsonb_to_recordset($1::jsonb) AS (user_id uuid, tenant_id uuid))
         WITH ORDINALITY AS asked (user_id, tenant_id, place)
JOIN providers p
  ON p.enabled
 AND ((p.user_id = asked.user_id AND (p.tenant_id IS NULL OR p.tenant_id = asked.tenant_id))
      OR (p.user_id IS NULL AND (p.tenant_id IS NULL OR p.tenant_id = asked.tenant_id)))
ORDER BY asked.place, owner, p.preferred DESC, p.created_at, p.id
