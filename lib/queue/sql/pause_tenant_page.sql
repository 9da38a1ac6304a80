-- Takes one page's pending rows of a tenant out of the claim's index.
-- $1 uuid  tenant
-- $2 text, $3 smallint, $4 timestamptz, $5 uuid  the last entry of the page before (kind, priority, run_at, id)
-- $6 integer  page size
-- Rows: one: how many were taken out, and the page's last entry. Zero rows: the end of the index.
-- Rows that somebody is claiming right now are passed over: the claimer releases them, and the release keeps them out.
-- Index: jobs_ready_idx. Locks: FOR NO KEY UPDATE SKIP LOCKED on the tenant's rows of the page.
WITH page AS MATERIALIZED (
    SELECT j.id, j.kind COLLATE "C" AS kind, j.priority, j.run_at, j.tenant_id FROM jobs j
    WHERE j.finished_at IS NULL AND j.lane_ready
      AND (j.kind COLLATE "C", j.priority, j.run_at, j.id) > ($2::text, $3::smallint, $4::timestamptz, $5::uuid)
    ORDER BY j.kind COLLATE "C", j.priority, j.run_at, j.id
    LIMIT $6
), theirs AS MATERIALIZED (
    SELECT j.id FROM page p JOIN jobs j ON j.id = p.id
    WHERE p.tenant_id = $1 AND j.status = 'pending' AND j.lane_ready
    ORDER BY j.id FOR NO KEY UPDATE OF j SKIP LOCKED
), taken AS (
    UPDATE jobs j SET lane_ready = false FROM theirs t WHERE j.id = t.id AND j.status = 'pending' RETURNING j.id
)
SELECT (SELECT count(*) FROM taken)::integer AS taken, kind, priority, run_at::text AS run_at, id
FROM page ORDER BY page.kind DESC, page.priority DESC, page.run_at DESC, page.id DESC LIMIT 1
