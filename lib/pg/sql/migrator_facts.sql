-- What the migrator needs to know of a server before it changes anything.
-- Rows: one. missing: extensions that are not installed on the server's machine.
-- Index: the catalogue's. Locks: none.
SELECT current_user AS role, current_database() AS database, coalesce(current_schema(), '') AS schema,
       pg_encoding_to_char((SELECT encoding FROM pg_database WHERE datname = current_database())) AS encoding,
       current_setting('server_version_num')::integer AS version,
       pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean AS read_only,
       coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS may_create,
       ARRAY(SELECT wanted FROM unnest(ARRAY['pgcrypto', 'pg_trgm', 'vector']) AS wanted
             WHERE NOT EXISTS (SELECT FROM pg_available_extensions WHERE name = wanted)) AS missing
