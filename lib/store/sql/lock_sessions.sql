-- Takes the rows of sessions for the rest of the transaction, and notes that they have something new.
-- $1 jsonb array [{session_id}]; one may be named several times
-- Rows: one for each that was given. Fewer: a session is not there.
-- Index: primary key. Locks: the sessions' rows, in the order of their ids.
-- Each row is looked up by LATERAL: a join would be planned as a walk through the whole key's index where the plan was made while the
-- table was empty.
WITH given AS MATERIALIZED (
    SELECT g.session_id FROM jsonb_to_recordset($1::jsonb) AS g (session_id text)
), noted AS (
    UPDATE sessions_index SET last_message_at = now(), updated_at = now()
    WHERE ctid = ANY (ARRAY(
        SELECT s.place
        FROM (SELECT DISTINCT session_id FROM given ORDER BY session_id) AS g
        CROSS JOIN LATERAL (
            SELECT sessions_index.ctid AS place FROM sessions_index WHERE sessions_index.session_id = g.session_id
            FOR NO KEY UPDATE) AS s))
    RETURNING session_id
)
SELECT given.session_id FROM given JOIN noted USING (session_id)
