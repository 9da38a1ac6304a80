-- Adds a provider row; a user's row gets the user's tenant.
-- $1 uuid tenant or NULL, $2 uuid user or NULL, $3 text provider, $4 text kind, $5 text display name or NULL, $6 text base URL or NULL,
-- $7 text api version or NULL, $8 text encrypted credentials or NULL, $9 text default model or NULL, $10 boolean preferred,
-- $11 jsonb settings
-- Rows: the new id. Zero rows: that owner has a provider of this name already, or there is no such user.
-- Index: providers_user_provider_key, providers_tenant_provider_key. Locks: none.
INSERT INTO providers (tenant_id, user_id, provider, kind, display_name, base_url, api_version, credentials, default_model, preferred, settings)
SELECT coalesce(u.tenant_id, $1::uuid), $2::uuid, $3, $4, $5, $6, $7, $8, $9, $10, $11::jsonb
FROM (SELECT 1) AS one
LEFT JOIN users u ON u.id = $2::uuid
WHERE $2::uuid IS NULL OR u.id IS NOT NULL
ON CONFLICT DO NOTHING
RETURNING id
