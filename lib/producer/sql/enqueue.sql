-- Enqueues a job, or finds the pending one with the same dedupe key.
-- $1 text kind · $2 text payload as JSON · $3 text dedupe key · $4 float8 run_at in seconds since 1970, or NULL
-- $5 bigint delay in milliseconds from now, or NULL · $6 integer max_attempts · $7 smallint priority · $8 text serial key
-- $9 uuid tenant · $10 uuid user · $11 integer timeout in seconds; NULL stands for the column's default
-- Rows: always one. Index: jobs_dedupe_idx. Locks: waits for a producer that has inserted the key and not committed.
SELECT e.id, e.inserted
FROM enqueue_job($1, $2::jsonb, $3, coalesce(to_timestamp($4::float8), now() + $5::bigint * interval '1 millisecond'),
                 $6::integer, $7::smallint, $8, $9::uuid, $10::uuid, $11::integer) AS e
