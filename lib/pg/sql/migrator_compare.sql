-- What one schema has that another lacks or has otherwise.
-- $1 text schema as it is, $2 text schema as it should be
-- Rows: difference (what would be done, as words), table_name or NULL, rewrites (whether every row of that table is written anew).
-- Zero rows: nothing would change. What only the first schema has is left alone and not listed.
-- Index: the catalogue's. Locks: none.
WITH tables AS (
    SELECT want.relname, want.oid AS want, have.oid AS have
    FROM pg_class want
    LEFT JOIN pg_class have ON have.relname = want.relname AND have.relnamespace = quote_ident($1)::regnamespace AND have.relkind IN ('r', 'p')
    WHERE want.relnamespace = quote_ident($2)::regnamespace AND want.relkind = 'r'
), columns AS (
    SELECT t.relname, want.attname, format_type(want.atttypid, want.atttypmod) AS want_type, format_type(have.atttypid, have.atttypmod) AS have_type,
           have.attnum IS NULL AS missing, want.attnotnull AND NOT have.attnotnull AS fills,
           have.attgenerated = 's' AND want.attgenerated = '' AS is_generated_no_longer,
           replace(pg_get_expr(wd.adbin, wd.adrelid), quote_ident($2) || '.', '') AS want_default,
           replace(pg_get_expr(hd.adbin, hd.adrelid), quote_ident($1) || '.', '') AS have_default,
           want.attgenerated = 's' OR EXISTS (SELECT FROM pg_depend d JOIN pg_proc p ON p.oid = d.refobjid
               WHERE d.classid = 'pg_attrdef'::regclass AND d.objid = wd.oid AND d.refclassid = 'pg_proc'::regclass AND p.provolatile = 'v')
               OR coalesce(pg_get_expr(wd.adbin, wd.adrelid) LIKE '%gen_random_uuid()%', false) AS by_row
    FROM tables t
    JOIN pg_attribute want ON want.attrelid = t.want AND want.attnum > 0 AND NOT want.attisdropped
    LEFT JOIN pg_attribute have ON have.attrelid = t.have AND have.attname = want.attname AND NOT have.attisdropped
    LEFT JOIN pg_attrdef wd ON wd.adrelid = want.attrelid AND wd.adnum = want.attnum
    LEFT JOIN pg_attrdef hd ON hd.adrelid = have.attrelid AND hd.adnum = have.attnum
    WHERE t.have IS NOT NULL
), functions AS (
    SELECT p.pronamespace, p.proname, replace(pg_get_function_identity_arguments(p.oid), p.pronamespace::regnamespace || '.', '') AS arguments, p.prosrc
    FROM pg_proc p
    WHERE p.pronamespace IN (quote_ident($1)::regnamespace, quote_ident($2)::regnamespace)
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
), triggers AS (
    SELECT c.relnamespace, c.relname, t.tgname, replace(pg_get_triggerdef(t.oid, true), c.relnamespace::regnamespace || '.', '') AS definition
    FROM pg_trigger t
    JOIN pg_class c ON c.oid = t.tgrelid
    WHERE NOT t.tgisinternal AND c.relnamespace IN (quote_ident($1)::regnamespace, quote_ident($2)::regnamespace)
), policies AS (
    SELECT c.relnamespace, c.relname, p.polname, p.polcmd, replace(concat(pg_get_expr(p.polqual, p.polrelid), ' / ', pg_get_expr(p.polwithcheck, p.polrelid)), c.relnamespace::regnamespace || '.', '') AS definition
    FROM pg_policy p
    JOIN pg_class c ON c.oid = p.polrelid
    WHERE c.relnamespace IN (quote_ident($1)::regnamespace, quote_ident($2)::regnamespace)
), comments AS (
    SELECT t.relname, count(*) AS number
    FROM tables t
    JOIN pg_description want ON want.objoid = t.want AND want.classoid = 'pg_class'::regclass
    LEFT JOIN pg_attribute a ON a.attrelid = t.want AND a.attnum = want.objsubid
    LEFT JOIN pg_attribute b ON b.attrelid = t.have AND b.attname = a.attname
    LEFT JOIN pg_description have ON have.objoid = t.have AND have.classoid = want.classoid AND have.objsubid = coalesce(b.attnum, 0)
    WHERE t.have IS NOT NULL AND want.description IS DISTINCT FROM have.description
      AND (want.objsubid = 0 OR b.attnum IS NOT NULL)
    GROUP BY t.relname
)
SELECT * FROM (
    SELECT 1 AS step, format('create table %s', relname) AS difference, NULL::text AS table_name, false AS rewrites
    FROM tables WHERE have IS NULL
    UNION ALL
    SELECT 2, format('add column %s.%s %s', relname, attname, want_type), relname, by_row FROM columns WHERE missing
    UNION ALL
    SELECT 3, format('change the type of %s.%s from %s to %s', relname, attname, have_type, want_type), relname,
           NOT (have_type LIKE 'timestamp%' AND want_type LIKE 'timestamp%')
    FROM columns
    WHERE relname = 'jobs' AND attname IN ('kind', 'status', 'run_at', 'dedupe_key', 'locked_by', 'serial_key') AND want_type <> have_type
    UNION ALL
    SELECT 4, format('give %s.%s its default %s', relname, attname, want_default), relname, false
    FROM columns WHERE NOT missing AND want_default IS NOT NULL AND have_default IS NULL
    UNION ALL
    SELECT 4, format('keep what %s.%s holds, and generate it no longer', relname, attname), relname, false FROM columns WHERE is_generated_no_longer
    UNION ALL
    SELECT 5, format('forbid NULL in %s.%s, after filling what is NULL', relname, attname), relname, false FROM columns WHERE fills
    UNION ALL
    SELECT 6, format('add constraint %s to %s', want.conname, t.relname), t.relname, false
    FROM tables t
    JOIN pg_constraint want ON want.conrelid = t.want
    WHERE t.have IS NOT NULL AND want.contype IN ('p', 'u', 'f', 'c', 'x')
      AND NOT EXISTS (SELECT FROM pg_constraint have
                      WHERE have.conrelid = t.have
                        AND (have.conname = want.conname OR (want.contype IN ('p', 'f') AND have.contype = want.contype
                             AND replace(pg_get_constraintdef(have.oid), quote_ident($1) || '.', '') LIKE replace(split_part(pg_get_constraintdef(want.oid), ' ON ', 1), quote_ident($2) || '.', '') || '%')))
    UNION ALL
    SELECT 7, format('build index %s on %s', i.relname, t.relname), t.relname, false
    FROM tables t
    JOIN pg_index want ON want.indrelid = t.want AND NOT want.indisprimary
    JOIN pg_class i ON i.oid = want.indexrelid
    WHERE t.have IS NOT NULL
      AND NOT EXISTS (SELECT FROM pg_index have JOIN pg_class h ON h.oid = have.indexrelid
                      WHERE have.indrelid = t.have AND h.relname = i.relname AND have.indisvalid)
    UNION ALL
    SELECT 8, format('%s function %s', CASE WHEN have.proname IS NULL THEN 'create' ELSE 'replace' END, want.proname), NULL, false
    FROM functions want
    LEFT JOIN functions have ON have.pronamespace = quote_ident($1)::regnamespace AND have.proname = want.proname AND have.arguments = want.arguments
    WHERE want.pronamespace = quote_ident($2)::regnamespace AND have.prosrc IS DISTINCT FROM want.prosrc
    UNION ALL
    SELECT 9, format('%s trigger %s on %s', CASE WHEN have.tgname IS NULL THEN 'create' ELSE 'replace' END, want.tgname, want.relname), NULL, false
    FROM triggers want
    JOIN tables t ON t.relname = want.relname AND t.have IS NOT NULL
    LEFT JOIN triggers have ON have.relnamespace = quote_ident($1)::regnamespace AND have.relname = want.relname AND have.tgname = want.tgname
    WHERE want.relnamespace = quote_ident($2)::regnamespace AND have.definition IS DISTINCT FROM want.definition
    UNION ALL
    SELECT 10, format('%s policy %s on %s', CASE WHEN have.polname IS NULL THEN 'create' ELSE 'replace' END, want.polname, want.relname), NULL, false
    FROM policies want
    JOIN tables t ON t.relname = want.relname AND t.have IS NOT NULL
    LEFT JOIN policies have ON have.relnamespace = quote_ident($1)::regnamespace AND have.relname = want.relname AND have.polname = want.polname
    WHERE want.relnamespace = quote_ident($2)::regnamespace AND (have.definition, have.polcmd) IS DISTINCT FROM (want.definition, want.polcmd)
    UNION ALL
    SELECT 11, format('replace %s comments on %s and its columns', number, relname), NULL, false FROM comments
    UNION ALL
    SELECT 12, format('set %s of %s to %s', o.option_name, t.relname, o.option_value), NULL, false
    FROM tables t
    JOIN pg_class want ON want.oid = t.want
    JOIN pg_class have ON have.oid = t.have
    CROSS JOIN pg_options_to_table(want.reloptions) AS o
    WHERE NOT EXISTS (SELECT FROM pg_options_to_table(have.reloptions) AS h WHERE h.option_name = o.option_name)
) AS differences
ORDER BY step, difference
