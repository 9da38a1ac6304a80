-- The newest messages of sessions, oldest first.
-- $1 jsonb array [{session_id, how_many}]
-- Rows: the messages, with their session's place in the array, in that order. Zero rows: none yet, or no such session.
-- Index: primary key, read backwards. Locks: none.
SELECT asked.place, newest.*
FROM ROWS FROM (jsonb_to_recordset($1::jsonb) AS (session_id text, how_many integer))
         WITH ORDINALITY AS asked (session_id, how_many, place)
CROSS JOIN LATERAL (
    SELECT m.seq, m.role, m.content, m.parts, m.tool_calls, m.tool_call_id, m.job_id, m.step, m.ordinal
    FROM session_messages m
    WHERE m.session_id = asked.session_id
    ORDER BY m.seq DESC
    LIMIT asked.how_many) AS newest
ORDER BY asked.place, newest.seq
