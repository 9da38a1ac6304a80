-- Makes a dispatch with its members and enqueues their jobs, unless there is one of that id.
-- $1 uuid dispatch · $2 uuid tenant or NULL · $3 uuid user · $4 text parent session · $5 uuid job that dispatches
-- $6 text mode · $7 text rationale · $8 jsonb array [{agent, task}]
-- Rows: one. Zero rows: there was one already.
-- Index: primary keys. Locks: none beyond the new rows.
WITH made AS (
    INSERT INTO dispatches (id, tenant_id, user_id, parent_session_id, job_id, mode, rationale)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (id) DO NOTHING
    RETURNING id
)
INSERT INTO dispatch_members (dispatch_id, member, agent, task)
SELECT made.id, item.ordinality - 1, item.value ->> 'agent', item.value ->> 'task'
FROM made CROSS JOIN jsonb_array_elements($8::jsonb) WITH ORDINALITY AS item (value, ordinality)
RETURNING member
