-- How indexes stand and how large their tables are.
-- $1 text[] names of indexes, $2 text[] names of their tables, one for each
-- An index is looked for beside its table, not along the search_path: in a check's scratch schema the name would lead to the live index.
-- Rows: one for each index. rows is an estimate: of the last ANALYZE, or by size (100 bytes a row) where there was none.
-- Index: the catalogue's. Locks: none.
SELECT w.index_name, i.indexrelid IS NOT NULL AS is_there, coalesce(i.indisvalid, true) AS is_valid,
       coalesce(CASE WHEN t.reltuples >= 0 THEN t.reltuples::bigint ELSE pg_relation_size(t.oid) / 100 END, 0) AS rows
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w (index_name, table_name, place)
LEFT JOIN pg_class t ON t.oid = to_regclass(w.table_name)
LEFT JOIN pg_class x ON x.relname = w.index_name AND x.relnamespace = t.relnamespace
LEFT JOIN pg_index i ON i.indexrelid = x.oid
ORDER BY w.place
