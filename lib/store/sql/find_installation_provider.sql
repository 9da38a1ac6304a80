-- The installation's own provider of a name.
-- $1 text provider
-- Rows: one. Zero rows: there is none of this name without tenant and user, or it is switched off.
-- Index: providers_tenant_provider_key. Locks: none.
SELECT id, 2 AS owner, provider, kind, base_url, api_version, credentials, default_model, coalesce(preferred, false) AS preferred, settings
FROM providers
WHERE enabled AND tenant_id IS NULL AND user_id IS NULL AND provider = $1
