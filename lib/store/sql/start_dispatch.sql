-- Enqueues the jobs of a new dispatch's members.
-- $1 uuid dispatch
-- Rows: one, without a value. Index: primary keys. Locks: the members' rows.
SELECT dispatch_start($1)
