-- Becomes or stays the leader. A renewed row, not a session lock: it works through a pooler and ends with the lease.
-- $1 text      worker id
-- $2 interval  lease
-- Rows: one, with the term: higher with every change of leader. Zero rows: another worker leads.
-- Index: primary key; a heap-only update. Locks: the row; waits for another worker's attempt.
INSERT INTO leadership AS l (name, worker_id, lease_until) VALUES ('janitor', $1, now() + $2::interval)
ON CONFLICT (name) DO UPDATE SET
    worker_id = excluded.worker_id,
    term = l.term + CASE WHEN l.worker_id = excluded.worker_id THEN 0 ELSE 1 END,
    elected_at = CASE WHEN l.worker_id = excluded.worker_id THEN l.elected_at ELSE now() END,
    lease_until = excluded.lease_until
WHERE l.worker_id = excluded.worker_id OR l.lease_until < now()
RETURNING term
