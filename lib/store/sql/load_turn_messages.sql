-- What one job added to a session, in order.
-- $1 text session, $2 uuid job
-- Rows: the messages. Zero rows: none are left.
-- Index: session_messages_step_key. Locks: none.
SELECT seq, role, content, parts, tool_calls, tool_call_id, job_id, step, ordinal
FROM session_messages
WHERE session_id = $1 AND job_id = $2
ORDER BY seq
