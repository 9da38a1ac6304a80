-- Makes the subtasks of an accepted plan.
-- $1 uuid plan, $2 jsonb array [{description, agent, dependencies}]
-- Rows: none.
-- Index: orchestrator_subtasks_plan_index_key. Locks: none beyond the new rows.
INSERT INTO orchestrator_subtasks (plan_id, index, description, agent, dependencies)
SELECT $1::uuid, item.ordinality - 1, item.value ->> 'description', item.value ->> 'agent',
    ARRAY(SELECT dependency::integer FROM jsonb_array_elements_text(item.value -> 'dependencies') AS d (dependency))
FROM jsonb_array_elements($2::jsonb) WITH ORDINALITY AS item (value, ordinality)
