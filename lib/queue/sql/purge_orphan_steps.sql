-- Deletes steps whose job is gone, from one page of the steps: other clients delete jobs without them.
-- $1 uuid, $2 text  the last step of the page before (job, name); nil and '' at the start
-- $3 integer        page size
-- Rows: one: how many were deleted, the page's last step and how many steps it had. Zero rows: the end of the table.
-- Index: primary keys, a range of job_steps'. Locks: FOR UPDATE SKIP LOCKED on what is deleted.
WITH page AS MATERIALIZED (
    SELECT s.job_id, s.name FROM job_steps s WHERE (s.job_id, s.name) > ($1::uuid, $2::text) ORDER BY s.job_id, s.name LIMIT $3
), gone AS (
    DELETE FROM job_steps
    WHERE ctid = ANY (ARRAY(
        SELECT orphan.ctid
        FROM page p
        CROSS JOIN LATERAL (
            SELECT s.ctid FROM job_steps s WHERE s.job_id = p.job_id AND s.name = p.name FOR UPDATE SKIP LOCKED) AS orphan
        WHERE NOT EXISTS (SELECT FROM jobs j WHERE j.id = p.job_id OFFSET 0)))
    RETURNING name
)
SELECT (SELECT count(*) FROM gone)::integer AS deleted, job_id, name, (SELECT count(*) FROM page)::integer AS page_rows
FROM page ORDER BY page.job_id DESC, page.name DESC LIMIT 1
