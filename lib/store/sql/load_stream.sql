-- The pieces of an answer from a position on.
-- $1 text session, $2 uuid job, $3 bigint position in bytes, $4 integer how many at most
-- Rows: the pieces, by position. Zero rows: nothing there yet. written_at tells a piece that a later attempt wrote anew.
-- Index: primary key. Locks: none.
SELECT position, delta, created_at::text AS written_at
FROM session_stream
WHERE session_id = $1 AND job_id = $2 AND position >= $3
ORDER BY position
LIMIT $4
