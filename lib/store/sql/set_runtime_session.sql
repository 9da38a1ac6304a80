-- Notes under which id a session is kept by an agent runtime of its own.
-- $1 text session, $2 text id in the runtime
-- Rows: the session's id. Zero rows: it was noted already, or there is no such session.
-- Index: primary key. Locks: the session's row, where something changes.
UPDATE sessions_index SET runtime_session_id = $2
WHERE session_id = $1 AND runtime_session_id IS DISTINCT FROM $2
RETURNING session_id
