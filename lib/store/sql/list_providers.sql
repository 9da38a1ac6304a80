-- Provider rows with all that is known of them, for people who set them up and for checks.
-- $1 uuid tenant or NULL (any), $2 uuid user or NULL (any), $3 uuid row or NULL (any), $4 boolean only enabled ones
-- Rows: the installation's, then tenants', then users'; preferred ones first, then by name. Zero rows: there is none of that kind.
-- Index: none; a few rows a tenant, read by a person or once a check. Locks: none.
SELECT id, CASE WHEN user_id IS NOT NULL THEN 0 WHEN tenant_id IS NOT NULL THEN 1 ELSE 2 END AS owner, tenant_id, user_id, provider, kind,
       display_name, base_url, api_version, credentials, default_model, coalesce(preferred, false) AS preferred, enabled, settings, models,
       latency_ms, checked_at, last_error
FROM providers
WHERE ($1::uuid IS NULL OR tenant_id = $1) AND ($2::uuid IS NULL OR user_id = $2) AND ($3::uuid IS NULL OR id = $3) AND (enabled OR NOT $4)
ORDER BY owner DESC, tenant_id NULLS FIRST, user_id NULLS FIRST, preferred DESC, provider, id
