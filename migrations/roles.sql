-- Least privilege: a worker that owns nothing. Run once by an administrator, connected to the installation's database as the owner of its
-- tables with the right to create roles, after the first `oiabd migrate`:
--
--     psql "$ADMIN_DATABASE_URL" -f migrations/roles.sql
--     psql "$ADMIN_DATABASE_URL" -c "CREATE ROLE oiabd LOGIN PASSWORD '…' IN ROLE oiab_worker"
--
-- The daemon then connects as oiabd. It cannot migrate: `oiabd migrate` stays with the owner, before a new release is started. It may not
-- change or truncate the audit log, nor alter any table.
--
-- May run again. Locks: ACCESS EXCLUSIVE on each table for milliseconds.

DO $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'oiab_worker') THEN
        CREATE ROLE oiab_worker NOLOGIN;
    END IF;
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'oiab_producer') THEN
        CREATE ROLE oiab_producer NOLOGIN;
    END IF;
END $$;

SELECT oiab_admit_worker();

-- What a program needs that does nothing but enqueue.
GRANT INSERT ON jobs TO oiab_producer;
