-- One dispatch.
-- $1 uuid dispatch
-- Rows: the dispatch. Zero rows: there is none, or it has no user.
-- Index: primary key. Locks: none.
SELECT id, tenant_id, user_id, coalesce(parent_session_id, '') AS parent_session_id, mode, rationale, status, result, error
FROM dispatches
WHERE id = $1 AND user_id IS NOT NULL
