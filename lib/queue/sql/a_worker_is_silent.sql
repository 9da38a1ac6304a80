-- Whether a worker has gone without a word: leases that it held have lapsed, or do so soon.
-- $1 interval  lease
-- Rows: one. Index: none; the table has a row for each worker. Locks: none.
SELECT EXISTS (SELECT FROM workers WHERE seen_at < now() - $1::interval) AS silent
