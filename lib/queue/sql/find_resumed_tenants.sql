-- Tenants that are not paused and still have rows kept back: inserted by transactions older than the resume.
-- Rows: the tenants. Zero rows: none, the usual answer. Index: jobs_paused_idx, a loose scan. Locks: none.
WITH RECURSIVE tenants AS (
    (SELECT j.tenant_id FROM jobs j
     WHERE j.tenant_id IS NOT NULL AND NOT j.lane_ready AND j.serial_key IS NULL AND j.finished_at IS NULL
     ORDER BY j.tenant_id LIMIT 1)
    UNION ALL
    SELECT head.tenant_id
    FROM tenants t
    CROSS JOIN LATERAL (
        SELECT j.tenant_id FROM jobs j
        WHERE j.tenant_id > t.tenant_id AND NOT j.lane_ready AND j.serial_key IS NULL AND j.finished_at IS NULL
        ORDER BY j.tenant_id LIMIT 1) AS head
)
SELECT t.tenant_id FROM tenants t
WHERE NOT EXISTS (SELECT FROM job_pauses p WHERE p.scope = 'tenant' AND p.name = t.tenant_id::text)
