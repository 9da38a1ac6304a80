-- storage.sql: how the server keeps the tables that grow or change fast; jobs, workers and leadership say it themselves (jobs.sql).
-- Figures: docs/decisions/0107-vacuum-by-table.md. Lock: SHARE UPDATE EXCLUSIVE on each table, instant; pages are laid out anew as
-- they are written. A value that somebody has set already stays: the operator knows the installation better.
--
-- job_steps: a step grows when it is settled, a moment after it began, and half a page of room keeps its indexes out of that.
-- usage_events, memories: budgets and recall read indexes alone, which goes by what vacuum has seen; it comes after 2 or 5 % of new rows.
-- session_stream, embedding_cache: rows come and go by the day, or change with every use.
DO $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN
        SELECT c.relname, p.name, p.value
        FROM (VALUES ('job_steps', 'fillfactor', '50'),
                     ('job_steps', 'autovacuum_vacuum_scale_factor', '0.05'),
                     ('job_steps', 'autovacuum_vacuum_threshold', '1000'),
                     ('usage_events', 'autovacuum_vacuum_insert_scale_factor', '0.02'),
                     ('memories', 'autovacuum_vacuum_insert_scale_factor', '0.05'),
                     ('session_stream', 'autovacuum_vacuum_scale_factor', '0.05'),
                     ('session_stream', 'autovacuum_vacuum_threshold', '1000'),
                     ('embedding_cache', 'autovacuum_vacuum_scale_factor', '0.05'),
                     ('embedding_cache', 'autovacuum_vacuum_threshold', '1000')) AS p (relation, name, value)
        JOIN pg_class c ON c.oid = to_regclass(format('%I.%I', current_schema(), p.relation))
        WHERE NOT EXISTS (SELECT FROM pg_options_to_table(c.reloptions) AS o WHERE o.option_name = p.name)
    LOOP
        EXECUTE format('ALTER TABLE %I SET (%s = %s)', wanted.relname, wanted.name, wanted.value);
    END LOOP;
END $$;
