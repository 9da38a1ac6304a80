-- How many rows a table has: by the last ANALYZE, or counted where there was none (such tables are small or new).
-- $1 text schema, $2 text table
-- Rows: one. Index: the catalogue's. Locks: ACCESS SHARE on the table.
SELECT CASE WHEN c.reltuples >= 0 THEN c.reltuples::bigint
            ELSE (xpath('/row/rows/text()', query_to_xml(format('SELECT count(*) AS rows FROM %I.%I', $1::text, $2::text), false, true, '')))[1]::text::bigint END
FROM pg_class c
WHERE c.oid = format('%I.%I', $1::text, $2::text)::regclass
