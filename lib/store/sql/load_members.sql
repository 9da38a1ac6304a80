-- The members of a dispatch.
-- $1 uuid dispatch
-- Rows: in order of their position, with the time since the first attempt began in seconds.
-- Index: primary key. Locks: none.
SELECT member, agent, task, status, result, error, coalesce(extract(epoch FROM now() - started_at), 0)::bigint AS age_seconds
FROM dispatch_members
WHERE dispatch_id = $1
ORDER BY member
