-- Takes a session's row for the rest of the transaction, and notes that it has something new.
-- $1 text session
-- Rows: one. Zero rows: there is no such session.
-- Index: primary key. Locks: the session's row.
UPDATE sessions_index SET last_message_at = now(), updated_at = now() WHERE session_id = $1 RETURNING session_id
