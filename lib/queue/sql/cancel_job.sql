-- Cancels a job: a pending one fails as cancelled, a running one's worker is told by oiab_control.
-- $1 uuid  job id
-- Rows: always one; answer is cancelled, requested, final or not_found. Index: primary key.
-- Locks: the row; waits for a claim or settle that is under way.
SELECT answer, serial_key FROM cancel_job($1)
