-- Lets unqualified names create in the scratch schema and find what was created there, extensions where they are or will be made.
-- Rows: one. Index: none. Locks: none.
SELECT set_config('search_path', 'oiab_migrate_check, ' || current_setting('search_path'), true)
