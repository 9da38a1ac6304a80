-- Whom events belong to, and what is wrong with what they name.
-- $1 jsonb array of {n, tenant_id, user_id, session_id, job_id}, each but n null for none
-- Rows: one for each element, in order of n: its tenant (the one it names, else its user's), and the field that is wrong with a
-- sentence about it, or NULLs.
-- Index: primary keys. Locks: none.
SELECT e.n, coalesce(e.tenant_id, u.tenant_id) AS tenant_id, fault.field, fault.what
FROM jsonb_to_recordset($1::jsonb) AS e (n integer, tenant_id uuid, user_id uuid, session_id text, job_id uuid)
LEFT JOIN tenants t ON t.id = e.tenant_id
LEFT JOIN users u ON u.id = e.user_id
LEFT JOIN sessions_index s ON s.session_id = e.session_id
LEFT JOIN jobs j ON j.id = e.job_id
LEFT JOIN LATERAL (
    SELECT v.field, v.what
    FROM (VALUES (1, e.tenant_id IS NOT NULL AND t.id IS NULL, 'tenantId', 'names no tenant'),
                 (2, e.user_id IS NOT NULL AND u.id IS NULL, 'userId', 'names no user'),
                 (3, e.tenant_id IS NOT NULL AND u.id IS NOT NULL AND u.tenant_id IS DISTINCT FROM e.tenant_id,
                     'userId', 'names a user of another tenant'),
                 -- A session or a job that is not known here may be another program's, or gone.
                 (4, s.session_id IS NOT NULL AND s.tenant_id IS DISTINCT FROM coalesce(e.tenant_id, u.tenant_id),
                     'sessionId', 'names a session of another tenant'),
                 (5, j.tenant_id IS NOT NULL AND j.tenant_id IS DISTINCT FROM coalesce(e.tenant_id, u.tenant_id),
                     'jobId', 'names a job of another tenant'))
         AS v (position, is_wrong, field, what)
    WHERE v.is_wrong
    ORDER BY v.position
    LIMIT 1) AS fault ON true
ORDER BY e.n
