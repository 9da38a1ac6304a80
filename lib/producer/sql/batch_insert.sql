-- Enqueues a piece of a batch in its order; the defaults are those of enqueue_job (migrations/jobs_functions.sql).
-- Affected rows: those that were enqueued. The others have a dedupe key that is pending already.
-- Index: jobs_dedupe_idx. Locks: waits for a producer that has inserted one of the keys and not committed.
INSERT INTO jobs (kind, payload, dedupe_key, run_at, max_attempts, priority, serial_key, tenant_id, user_id, timeout_seconds)
SELECT b.kind, b.payload, b.dedupe_key,
       coalesce(to_timestamp(b.run_at), now() + b.delay_ms * interval '1 millisecond', now()),
       coalesce(b.max_attempts, 3), coalesce(b.priority, 0::smallint), b.serial_key, b.tenant_id, b.user_id, b.timeout_seconds
FROM pg_temp.oiabd_batch b
ORDER BY b.n
ON CONFLICT DO NOTHING
