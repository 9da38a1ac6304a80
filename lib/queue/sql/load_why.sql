-- What stands between a job and its start.
-- $1 uuid      job id
-- $2 interval  a worker not seen for longer counts as gone
-- Rows: one, or zero where there is no such job. Index: primary key, jobs_lane_head_idx, jobs_waiting_idx. Locks: none.
SELECT j.status, j.kind, j.run_at::text AS run_at, j.run_at <= now() AS is_due,
       CASE WHEN j.run_at > now() AND j.run_at < 'infinity' THEN ceil(date_part('epoch', j.run_at - now()))::bigint
            ELSE 0 END AS due_in_seconds,
       j.failure_reason, j.last_error, j.finished_at::text AS finished_at, j.locked_by, j.tenant_id, j.attempts, j.max_attempts,
       j.cancel_requested_at IS NOT NULL AS cancel_requested, coalesce(j.lease_until < now(), false) AS lease_lapsed,
       EXISTS (SELECT FROM job_pauses WHERE scope = 'all') AS all_paused,
       EXISTS (SELECT FROM job_pauses WHERE scope = 'kind' AND name = j.kind) AS kind_paused,
       EXISTS (SELECT FROM job_pauses WHERE scope = 'tenant' AND name = j.tenant_id::text) AS tenant_paused,
       j.serial_key, j.lane_ready, head.id AS lane_head_id, head.status AS lane_head_status,
       CASE WHEN NOT j.lane_ready THEN
           (SELECT count(*) FROM (SELECT FROM jobs a WHERE a.serial_key = j.serial_key AND NOT a.lane_ready AND a.finished_at IS NULL
                                  AND a.lane_seq < j.lane_seq LIMIT 1000) AS ahead)
       ELSE 0 END AS ahead_in_lane,
       w.workers, w.workers_with_kind, w.free_slots
FROM jobs j
LEFT JOIN LATERAL (
    SELECT h.id, h.status FROM jobs h
    WHERE h.serial_key = j.serial_key AND h.lane_ready AND h.finished_at IS NULL AND h.id <> j.id
    ORDER BY h.status DESC, h.lane_seq LIMIT 1) AS head ON true
CROSS JOIN LATERAL (
    SELECT count(*) AS workers, count(*) FILTER (WHERE handles) AS workers_with_kind,
           coalesce(sum(greatest(slots - running, 0)) FILTER (WHERE handles), 0) AS free_slots
    FROM (SELECT slots, running,
                 EXISTS (SELECT FROM unnest(kinds) AS k(name)
                         WHERE k.name = j.kind OR (right(k.name, 1) = '*' AND starts_with(j.kind, left(k.name, -1)))) AS handles
          FROM workers WHERE state = 'running' AND seen_at > now() - $2::interval) AS alive) AS w
WHERE j.id = $1
