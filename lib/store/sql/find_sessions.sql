-- Sessions.
-- $1 jsonb array [{session_id}]
-- Rows: one for each that exists, with its place in the array, in that order. Zero rows: there is none.
-- Index: primary key. Locks: none.
SELECT asked.place, found.*
FROM ROWS FROM (jsonb_to_recordset($1::jsonb) AS (session_id text)) WITH ORDINALITY AS asked (session_id, place)
CROSS JOIN LATERAL (
    SELECT s.session_id, s.user_id, s.tenant_id, s.title, s.status = 'active' AS is_active, s.purpose, s.channel, s.parent_session_id,
           s.runtime_session_id, s.model_choice, s.template_slug, s.template_system_prompt, s.template_model_override, s.template_tools,
           s.template_snapshot_at IS NOT NULL AS has_snapshot
    FROM sessions_index s
    WHERE s.session_id = asked.session_id
    LIMIT 1) AS found
ORDER BY asked.place
