-- Appends messages that a session does not have yet, numbered on from its newest, and tells those who stream, on commit.
-- $1 text session, $2 jsonb array [{place, role, content, parts, tool_calls, tool_call_id, model, job_id, step, ordinal, metadata}]
-- Rows: the new seq numbers. Zero rows: all of them were there.
-- Index: primary key, session_messages_step_key. Locks: the caller holds the session's row.
INSERT INTO session_messages (session_id, seq, role, content, parts, tool_calls, tool_call_id, model, job_id, step, ordinal, metadata)
SELECT $1, (SELECT coalesce(max(seq), 0) FROM session_messages WHERE session_id = $1) + row_number() OVER (ORDER BY m.place),
       m.role, m.content, m.parts, m.tool_calls, m.tool_call_id, m.model, m.job_id, m.step, m.ordinal, m.metadata
FROM jsonb_to_recordset($2::jsonb) AS m (place integer, role text, content text, parts jsonb, tool_calls jsonb, tool_call_id text, model text,
                                         job_id uuid, step text, ordinal integer, metadata jsonb)
WHERE NOT EXISTS (SELECT FROM session_messages old
                  WHERE old.session_id = $1 AND old.job_id = m.job_id AND old.step = m.step AND old.ordinal = m.ordinal)
RETURNING seq, pg_notify('oiab_sessions', left(session_id, 1000)) AS told
