-- The newest messages of a session, oldest first.
-- $1 text session, $2 integer how many
-- Rows: the messages. Zero rows: none yet, or no such session.
-- Index: primary key, read backwards. Locks: none.
SELECT * FROM (
    SELECT seq, role, content, parts, tool_calls, tool_call_id, job_id, step, ordinal
    FROM session_messages
    WHERE session_id = $1
    ORDER BY seq DESC
    LIMIT $2) AS newest
ORDER BY seq
