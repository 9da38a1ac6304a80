-- enqueue under an attempt's guard, in the handler's transaction.
-- $1 … $11     as enqueue.sql
-- $12 uuid job id of the attempt · $13 bigint lease epoch · $14 text worker id
-- Rows: one. Zero rows: the attempt is no longer ours; nothing was enqueued, and the transaction must roll back.
-- Index: primary key, jobs_dedupe_idx. Locks: the attempt's row until commit, and as enqueue.sql.
WITH mine AS MATERIALIZED (
    SELECT id FROM jobs WHERE id = $12 AND status = 'running' AND lease_epoch = $13 AND locked_by = $14 FOR NO KEY UPDATE
)
SELECT e.id, e.inserted
FROM mine
CROSS JOIN LATERAL enqueue_job($1, $2::jsonb, $3,
                               coalesce(to_timestamp($4::float8), now() + $5::bigint * interval '1 millisecond'),
                               $6::integer, $7::smallint, $8, $9::uuid, $10::uuid, $11::integer) AS e
