-- Marks a member as running, also when an earlier attempt already did.
-- $1 uuid dispatch · $2 integer member · $3 text its session, or NULL where it has none here
-- Rows: one. Zero rows: the member is final, or its dispatch does not execute any more.
-- Index: primary key. Locks: the member's row.
UPDATE dispatch_members SET status = 'running', session_id = $3, started_at = coalesce(started_at, now())
WHERE dispatch_id = $1 AND member = $2 AND status IN ('pending', 'running')
  AND EXISTS (SELECT FROM dispatches d WHERE d.id = $1 AND d.status = 'executing')
RETURNING member
