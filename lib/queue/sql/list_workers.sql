-- The registry of workers, newest first.
-- Rows: the workers. Zero rows: none. Locks: none.
SELECT w.id, w.host, w.pid, w.version, array_to_json(w.kinds)::text AS kinds, w.slots, w.running, w.state,
       w.started_at::text AS started_at, w.seen_at::text AS seen_at,
       greatest(date_part('epoch', now() - w.seen_at), 0)::bigint AS seen_seconds_ago,
       EXISTS (SELECT FROM leadership l WHERE l.worker_id = w.id AND l.lease_until > now()) AS is_leader
FROM workers w ORDER BY w.started_at DESC, w.id
