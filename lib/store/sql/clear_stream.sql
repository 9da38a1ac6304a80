-- Removes what a turn has streamed.
-- $1 text session, $2 uuid job
-- Rows: none. Index: primary key. Locks: the removed rows.
DELETE FROM session_stream WHERE session_id = $1 AND job_id = $2
