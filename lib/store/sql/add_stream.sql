-- Adds pieces of answers that are being written, and tells those who stream, on commit.
-- $1 jsonb array [{session_id, job_id, position, delta}]
-- Rows: one each. Adding the same position again replaces the piece.
-- Index: primary key. Locks: none beyond the rows.
INSERT INTO session_stream (session_id, job_id, position, delta)
SELECT p.session_id, p.job_id, p.position, p.delta
FROM jsonb_to_recordset($1::jsonb) AS p (session_id text, job_id uuid, position bigint, delta text)
ON CONFLICT (session_id, job_id, position) DO UPDATE SET delta = excluded.delta, created_at = now()
RETURNING pg_notify('oiab_sessions', left(session_id, 1000)) AS told
