-- Adds a piece of an answer that is being written, and tells those who stream, on commit.
-- $1 text session, $2 uuid job, $3 bigint position in bytes, $4 text piece
-- Rows: one. Adding the same position again replaces the piece.
-- Index: primary key. Locks: none beyond the row.
INSERT INTO session_stream (session_id, job_id, position, delta) VALUES ($1, $2, $3, $4)
ON CONFLICT (session_id, job_id, position) DO UPDATE SET delta = excluded.delta, created_at = now()
RETURNING pg_notify('oiab_sessions', left(session_id, 1000)) AS told
