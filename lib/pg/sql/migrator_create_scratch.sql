-- The schema in which `oiabd migrate --check` builds what should be; rolled back with its transaction. A second check waits for the first.
-- Rows: none. Index: none. Locks: none that others meet.
CREATE SCHEMA oiab_migrate_check
