-- Appends messages that their sessions do not have yet, each session's numbered on from its newest in the given order, and tells those
-- who stream, on commit.
-- $1 jsonb array [{session_id, role, content, parts, tool_calls, tool_call_id, model, job_id, step, ordinal, metadata}]
-- Rows: the new seq numbers. Zero rows: all of them were there.
-- Index: primary key, session_messages_step_key. Locks: the caller holds the sessions' rows.
INSERT INTO session_messages (session_id, seq, role, content, parts, tool_calls, tool_call_id, model, job_id, step, ordinal, metadata)
SELECT m.session_id,
       (SELECT coalesce(max(old.seq), 0) FROM session_messages old WHERE old.session_id = m.session_id)
           + row_number() OVER (PARTITION BY m.session_id ORDER BY m.place),
       m.role, m.content, m.parts, m.tool_calls, m.tool_call_id, m.model, m.job_id, m.step, m.ordinal, m.metadata
FROM ROWS FROM (jsonb_to_recordset($1::jsonb) AS (session_id text, role text, content text, parts jsonb, tool_calls jsonb,
                                                  tool_call_id text, model text, job_id uuid, step text, ordinal integer,
                                                  metadata jsonb))
         WITH ORDINALITY AS m (session_id, role, content, parts, tool_calls, tool_call_id, model, job_id, step, ordinal, metadata, place)
WHERE NOT EXISTS (SELECT FROM session_messages old
                  WHERE old.session_id = m.session_id AND old.job_id = m.job_id AND old.step = m.step AND old.ordinal = m.ordinal
                  OFFSET 0)
RETURNING seq, pg_notify('oiab_sessions', left(session_id, 1000)) AS told
