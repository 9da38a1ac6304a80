-- Settings of a migrating transaction or session: where unqualified names lead, what the files read, how long to wait for a lock.
-- $1 text embeddings (on, off), $2 text legacy dedupe index (on, off), $3 text lock_timeout in milliseconds, $4 text schema, quoted where
-- needed, $5 boolean for this transaction only
-- Rows: one. Index: none. Locks: none.
SELECT set_config('search_path',
                  concat_ws(', ', $4::text,
                            (SELECT string_agg(DISTINCT quote_ident(n.nspname), ', ')
                             FROM pg_extension e
                             JOIN pg_namespace n ON n.oid = e.extnamespace
                             WHERE e.extname IN ('pgcrypto', 'pg_trgm', 'vector') AND quote_ident(n.nspname) <> $4::text),
                            'pg_temp'), $5),
       set_config('oiab.embeddings', $1, $5), set_config('oiab.legacy_dedupe_index', $2, $5),
       set_config('lock_timeout', $3, $5), set_config('statement_timeout', '0', $5),
       set_config('TimeZone', 'UTC', $5), set_config('client_min_messages', 'warning', $5)
