-- Removes what a turn has streamed from a position on: a later attempt writes that part anew.
-- $1 text session, $2 uuid job, $3 bigint position in bytes
-- Rows: none. Index: primary key. Locks: the removed rows.
DELETE FROM session_stream WHERE session_id = $1 AND job_id = $2 AND position >= $3
