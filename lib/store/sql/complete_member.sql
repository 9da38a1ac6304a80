-- Completes a running member.
-- $1 uuid dispatch · $2 integer member · $3 text result
-- Rows: one. Zero rows: the member is not running; the dispatch was cancelled.
-- Index: primary key. Locks: the member's row; the caller holds the dispatch's.
UPDATE dispatch_members SET status = 'completed', result = $3, completed_at = now()
WHERE dispatch_id = $1 AND member = $2 AND status = 'running'
RETURNING member
