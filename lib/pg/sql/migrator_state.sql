-- What the database says about its schema, and whether the extensions are there: the one query of a start with nothing to do.
-- $1 boolean whether the extension vector is wanted
-- Rows: one. SQLSTATE 42P01: there is no schema_meta, so the schema is older than this project or not there at all.
-- Index: primary key. Locks: none.
SELECT (SELECT value FROM schema_meta WHERE key = 'fingerprint') AS fingerprint,
       (SELECT value FROM schema_meta WHERE key = 'version') AS version,
       (SELECT value FROM schema_meta WHERE key = 'compatible_from') AS compatible_from,
       (SELECT count(*) FROM pg_extension WHERE extname IN ('pgcrypto', 'pg_trgm') OR (extname = 'vector' AND $1))
           = CASE WHEN $1 THEN 3 ELSE 2 END AS extensions_present
