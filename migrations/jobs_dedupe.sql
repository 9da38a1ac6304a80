-- jobs_dedupe.sql: the one unique index of jobs besides the primary key. Built inside the migrator's transaction, because the
-- published form that it replaces may only go when the new one holds. Lock: SHARE on jobs while it is built, one scan of the table.
-- Workers of the version before go on afterwards; their ON CONFLICT DO NOTHING without a target works with either form.

-- One pending row for each dedupe key. The published form has the same meaning, mentions status, and costs every claim its
-- heap-only update; it is kept for clients that name it in ON CONFLICT (setting legacy_dedupe_index, which the migrator hands
-- over as oiab.legacy_dedupe_index). There is never a second unique index: ON CONFLICT DO NOTHING would drop jobs in silence.
DO $$
DECLARE
    legacy boolean := coalesce(current_setting('oiab.legacy_dedupe_index', true), '') IN ('on', 'true', '1');
    keep   text := CASE WHEN legacy THEN 'jobs_dedupe_published_idx' ELSE 'jobs_dedupe_idx' END;
    other  record;
BEGIN
    IF legacy THEN
        CREATE UNIQUE INDEX IF NOT EXISTS jobs_dedupe_published_idx ON jobs (dedupe_key) WHERE status = 'pending';
    ELSE
        CREATE UNIQUE INDEX IF NOT EXISTS jobs_dedupe_idx ON jobs (dedupe_key) WHERE dedupe_pending IS NOT NULL;
    END IF;
    FOR other IN
        SELECT c.relname, con.conname FROM pg_index i
        JOIN pg_class c ON c.oid = i.indexrelid
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attname = 'dedupe_key'
        LEFT JOIN pg_constraint con ON con.conindid = i.indexrelid AND con.contype = 'u'
        WHERE i.indrelid = 'jobs'::regclass AND i.indisunique AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum
          AND c.relname <> keep
    LOOP
        IF other.conname IS NOT NULL THEN
            EXECUTE format('ALTER TABLE jobs DROP CONSTRAINT %I', other.conname);
        ELSE
            EXECUTE format('DROP INDEX %I', other.relname);
        END IF;
    END LOOP;
END $$;
