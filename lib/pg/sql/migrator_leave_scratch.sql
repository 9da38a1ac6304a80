-- Leaves the scratch schema, so that definitions are told with the names of their schemas.
-- Rows: one. Index: none. Locks: none.
SELECT set_config('search_path', 'pg_catalog', true)
