-- Writes a pause and tells the workers.
-- $1 text scope: all, kind, tenant · $2 text name · $3 text reason · $4 text who
-- Rows: one where it is new. Zero rows: it was paused already. Index: primary key. Locks: the row.
WITH paused AS (
    INSERT INTO job_pauses (scope, name, reason, paused_by) VALUES ($1, $2, nullif($3, ''), nullif($4, ''))
    ON CONFLICT DO NOTHING RETURNING scope
)
SELECT pg_notify('oiab_control', 'pause') FROM paused
