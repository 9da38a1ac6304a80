-- Removes expired audit entries: see the function.
-- $1 integer how many at most, of each log
-- Rows: one, how many went.
-- Index: audit_log_ts_idx. Locks: the removed rows; those that others hold are skipped.
SELECT oiab_purge_audit_log($1)
