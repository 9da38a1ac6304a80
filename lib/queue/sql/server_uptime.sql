-- How long ago the server was started.
-- Rows: one, in milliseconds. Index: none. Locks: none.
SELECT floor(date_part('epoch', clock_timestamp() - pg_postmaster_start_time()) * 1000)::bigint
