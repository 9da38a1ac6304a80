-- No notification for what the rest of the transaction enqueues (migrations/jobs_triggers.sql).
-- Rows: none. Locks: none.
SET LOCAL oiabd.notify = off
