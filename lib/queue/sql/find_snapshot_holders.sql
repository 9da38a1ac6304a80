-- Who keeps old versions of rows from being vacuumed away in this database, whatever autovacuum does.
-- Rows: kind (session, prepared, slot, standby), the name to find it by (pid, gid, slot name, pid of the sender), user, application,
-- state, the transaction back to which everything is kept, how many transactions ago that one began, and since when in
-- seconds; the one that holds the most comes first. Zero rows: nobody holds anything.
-- What a role may not see of other users' sessions (state, since) is NULL; slots and standbys tell no time at all. Vacuums hold nothing,
-- and of slots that hold catalogues alone (logical ones) the catalogues' transaction is told. Index: none; shared memory. Locks: none.
WITH holders AS (
    SELECT 'session' AS kind, a.pid::text AS name, a.usename::text AS username, a.application_name AS application, a.state,
           CASE WHEN a.backend_xmin IS NULL OR age(a.backend_xid) > age(a.backend_xmin) THEN a.backend_xid
                ELSE a.backend_xmin END AS xid,
           a.xact_start AS since
    FROM pg_stat_activity a
    WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
      AND NOT EXISTS (SELECT FROM pg_stat_replication r WHERE r.pid = a.pid)
      AND NOT EXISTS (SELECT FROM pg_stat_progress_vacuum v WHERE v.pid = a.pid)
    UNION ALL
    SELECT 'prepared', p.gid, p.owner::text, NULL, NULL, p.transaction, p.prepared
    FROM pg_prepared_xacts p
    WHERE p.database = current_database()
    UNION ALL
    SELECT 'slot', s.slot_name::text, NULL, s.plugin::text,
           concat(CASE WHEN s.active THEN 'active' ELSE 'inactive' END, CASE WHEN s.xmin IS NULL THEN ', holds catalogues' END),
           coalesce(s.xmin, s.catalog_xmin), NULL
    FROM pg_replication_slots s
    UNION ALL
    SELECT 'standby', r.pid::text, r.usename::text, r.application_name, r.state, r.backend_xmin, NULL
    FROM pg_stat_replication r
)
SELECT kind, name, username, application, state, xid::text AS xid, age(xid) AS transactions,
       CASE WHEN since IS NOT NULL THEN greatest(date_part('epoch', clock_timestamp() - since), 0)::bigint END AS held_seconds
FROM holders
WHERE age(xid) > 1
ORDER BY age(xid) DESC, kind, name
LIMIT 100
