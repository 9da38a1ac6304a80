-- Deletes old finished jobs from one page of the table, with their steps.
-- $1 uuid      the last id of the page before, nil at the start
-- $2 interval  retention: what finished longer ago goes
-- $3 integer   page size
-- $4 boolean   whether to go beyond the ids that were made within the retention (ids that are not UUIDv7)
-- Rows: one: how many were deleted, the page's last id (NULL where the page was empty) and how many entries it had.
-- Index: primary keys, a range of jobs'. Locks: FOR UPDATE SKIP LOCKED on what is deleted.
-- Jobs and steps are looked up by LATERAL: a join would be planned as a walk through a whole index where the plan was made while that
-- table was empty, which job_steps is for long.
WITH page AS MATERIALIZED (
    SELECT j.id, j.finished_at FROM jobs j
    WHERE j.id > $1
      AND j.id <= CASE WHEN $4::boolean THEN 'ffffffff-ffff-ffff-ffff-ffffffffffff'
                  ELSE lpad(to_hex(floor(date_part('epoch', now() - $2::interval) * 1000)::bigint), 12, '0')
                       || '7fffffffffffffffffff' END::uuid
    ORDER BY j.id LIMIT $3
), gone AS (
    DELETE FROM jobs
    WHERE ctid = ANY (ARRAY(
        SELECT old.ctid
        FROM page p
        CROSS JOIN LATERAL (
            SELECT j.ctid FROM jobs j
            WHERE j.id = p.id AND j.finished_at < now() - $2::interval
            FOR UPDATE SKIP LOCKED) AS old
        WHERE p.finished_at < now() - $2::interval))
    RETURNING id
), steps AS (
    DELETE FROM job_steps
    WHERE ctid = ANY (ARRAY(
        SELECT theirs.ctid
        FROM gone g
        CROSS JOIN LATERAL (SELECT s.ctid FROM job_steps s WHERE s.job_id = g.id FOR UPDATE) AS theirs))
)
SELECT (SELECT count(*) FROM gone)::integer AS deleted,
       (SELECT p.id FROM page p ORDER BY p.id DESC LIMIT 1) AS last_id,
       (SELECT count(*) FROM page)::integer AS page_rows
