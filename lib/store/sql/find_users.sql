-- Users with their tenants' state and limit and the permissions of every role that they have there.
-- $1 jsonb array [{user_id}]
-- Rows: one for each that exists, with its place in the array, in that order. Zero rows: there is no such user.
-- Index: primary keys. Locks: none.
SELECT asked.place, found.*
FROM ROWS FROM (jsonb_to_recordset($1::jsonb) AS (user_id uuid)) WITH ORDINALITY AS asked (user_id, place)
CROSS JOIN LATERAL (
    SELECT u.id, u.tenant_id, u.handle, u.display_name, u.status = 'active' AS is_active,
           coalesce(t.status = 'active', u.tenant_id IS NULL) AS tenant_is_active, coalesce(t.settings, '{}') AS tenant_settings,
           coalesce(t.slug, '') AS tenant_slug,
           (SELECT q.monthly_limit_usd::double precision FROM tenant_quotas q WHERE q.tenant_id = u.tenant_id) AS tenant_month_limit,
           (SELECT coalesce(jsonb_agg(r.permissions ORDER BY r.name), '[]')
            FROM user_roles ur
            JOIN roles r ON r.id = ur.role_id
            WHERE ur.user_id = u.id AND r.tenant_id IS NOT DISTINCT FROM u.tenant_id
              AND coalesce(ur.tenant_id = u.tenant_id, true)) AS role_permissions
    FROM users u
    LEFT JOIN tenants t ON t.id = u.tenant_id
    WHERE u.id = asked.user_id
    LIMIT 1) AS found
ORDER BY asked.place
