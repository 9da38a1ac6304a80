-- Takes a pause back and tells the workers.
-- $1 text scope · $2 text name
-- Rows: one where it was paused. Zero rows: it was not. Index: primary key. Locks: the row.
WITH resumed AS (
    DELETE FROM job_pauses WHERE scope = $1 AND name = $2 RETURNING scope
)
SELECT pg_notify('oiab_control', 'resume'), jobs_wake() FROM resumed
