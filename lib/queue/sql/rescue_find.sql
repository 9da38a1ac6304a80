-- One page of the unfinished rows' index, and which of its rows run under a lapsed lease.
-- $1 text, $2 smallint, $3 timestamptz, $4 uuid  the last entry of the page before (kind, priority, run_at, id)
-- $5 integer   page size
-- $6 interval  legacy_lock_timeout: a row without a lease is lapsed so long after locked_at; NULL for never
-- Rows: the lapsed attempts, and one last row with lapsed = false: the page's last entry, where to go on; page_rows is how many
-- entries the page had, and in_future tells that the rest of that (kind, priority) is not due yet and cannot be running: claim.sql
-- takes only what is due, claim_one.sql and the trigger jobs_10_unusual_update bring run_at back to now.
-- Zero rows: the end of the index. Index: jobs_ready_idx. Locks: none.
WITH page AS MATERIALIZED (
    SELECT j.id, j.kind COLLATE "C" AS kind, j.priority, j.run_at, j.dedupe_key IS NOT NULL AS keyed, j.lease_epoch,
           j.status = 'running'
           AND coalesce(j.lease_until, coalesce(j.locked_at, j.started_at, j.created_at) + $6::interval) < now() AS lapsed
    FROM jobs j
    WHERE j.finished_at IS NULL AND j.lane_ready
      AND (j.kind COLLATE "C", j.priority, j.run_at, j.id) > ($1::text, $2::smallint, $3::timestamptz, $4::uuid)
    ORDER BY j.kind COLLATE "C", j.priority, j.run_at, j.id
    LIMIT $5
)
SELECT id, kind, priority, run_at::text AS run_at, keyed, lease_epoch, true AS lapsed, 0 AS page_rows, false AS in_future
FROM page WHERE lapsed
UNION ALL
(SELECT id, kind, priority, run_at::text, keyed, lease_epoch, false, (SELECT count(*) FROM page)::integer, run_at > now()
 FROM page ORDER BY page.kind DESC, page.priority DESC, page.run_at DESC, page.id DESC LIMIT 1)
