-- docs/schema.md from the catalogue of a migrated database: one statement, one line a row, in order.
WITH groups (place, title, tables) AS (
    VALUES (1, 'Who there is', ARRAY['tenants', 'users', 'roles', 'user_roles', 'entra_sessions', 'channel_links']),
           (2, 'Conversations', ARRAY['agent_templates', 'providers', 'sessions_index', 'session_messages', 'session_stream']),
           (3, 'Memory and learning', ARRAY['personas', 'memories', 'embedding_cache', 'trajectories', 'skills']),
           (4, 'Jobs', ARRAY['jobs', 'job_steps', 'job_pauses', 'workers', 'leadership']),
           (5, 'Work that fans out or recurs', ARRAY['orchestrator_plans', 'orchestrator_subtasks', 'dispatches', 'dispatch_members', 'triggers']),
           (6, 'Usage and audit', ARRAY['usage_events', 'usage_reservations', 'tool_events', 'audit_log']),
           (7, 'Platform administration', ARRAY['platform_admins', 'platform_sessions', 'platform_audit_log', 'tenant_invitations', 'tenant_domains',
                                                'tenant_quotas', 'model_prices', 'feature_flags', 'api_keys']),
           (8, 'Gateways', ARRAY['gateways', 'gateway_paired_users', 'gateway_pairing_codes']),
           (9, 'The migrator', ARRAY['schema_meta'])
), relations AS (
    SELECT c.oid, c.relname::text AS name, obj_description(c.oid, 'pg_class') AS comment,
           coalesce(g.place, 10) AS place, coalesce(g.title, 'Further tables') AS title, coalesce(array_position(g.tables, c.relname::text), 0) AS position
    FROM pg_class c
    LEFT JOIN groups g ON c.relname = ANY (g.tables)
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
), columns AS (
    SELECT r.oid, r.name AS table_name, a.attnum, a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull,
           CASE WHEN a.attgenerated <> '' THEN 'generated: ' ELSE '' END || pg_get_expr(d.adbin, d.adrelid) AS expression,
           col_description(r.oid, a.attnum) AS comment,
           EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = r.oid AND k.contype = 'p' AND a.attnum = ANY (k.conkey)) AS in_key,
           (SELECT f.confrelid::regclass::text FROM pg_constraint f
            WHERE f.conrelid = r.oid AND f.contype = 'f' AND f.conkey = ARRAY[a.attnum]) AS target
    FROM relations r
    JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = r.oid AND d.adnum = a.attnum
), lines (place, position, part, step, line) AS (
    SELECT 0, 0, 0, step, line
    FROM unnest(ARRAY[
        '# Schema', '',
        'Generated from the catalogue of a migrated database by `scripts/schema_docs`; do not edit. The descriptions are the comments that the',
        'tables and columns carry in the database itself (`\d+ jobs` in psql shows them). The rules behind the tables are in `migrations/`; how a',
        'job moves from state to state is in [job-lifecycle.md](job-lifecycle.md).', '',
        format('%s tables. An arrow in a diagram is a foreign key; the boxes show keys and references only.', (SELECT count(*) FROM relations)),
        '']) WITH ORDINALITY AS head (line, step)
    UNION ALL
    SELECT DISTINCT place, 0, 0, 0::bigint, '## ' || title FROM relations
    UNION ALL SELECT DISTINCT place, 0, 0, 1, '' FROM relations
    UNION ALL SELECT DISTINCT place, 0, 0, 2, E'```mermaid\nerDiagram' FROM relations
    UNION ALL
    SELECT r.place, 0, 1, r.position,
           format(E'    %s {\n%s\n    }', r.name,
                  (SELECT string_agg(format('        %s %s%s', regexp_replace(regexp_replace(c.type, 'timestamp with time zone', 'timestamptz'), '[^a-z0-9]', '_', 'g'), c.name,
                                            CASE WHEN c.in_key AND c.target IS NOT NULL THEN ' PK,FK' WHEN c.in_key THEN ' PK' ELSE ' FK' END), E'\n' ORDER BY c.attnum)
                   FROM columns c WHERE c.oid = r.oid AND (c.in_key OR c.target IS NOT NULL)))
    FROM relations r
    UNION ALL
    SELECT r.place, 0, 2, row_number() OVER (ORDER BY r.place, r.position, c.attnum), format('    %s ||--o{ %s : %s', c.target, r.name, c.name)
    FROM relations r
    JOIN columns c ON c.oid = r.oid AND c.target IS NOT NULL
    UNION ALL SELECT DISTINCT place, 0, 3, 0, E'```\n' FROM relations
    UNION ALL
    SELECT place, position, 4, 0, format(E'### %s\n\n%s\n\n| column | type | null | default | meaning |\n| --- | --- | --- | --- | --- |', name, comment)
    FROM relations
    UNION ALL
    SELECT r.place, r.position, 5, row_number() OVER (PARTITION BY r.oid ORDER BY c.in_key DESC, c.attnum),
           format('| %s | %s | %s | %s | %s |', c.name, c.type, CASE WHEN c.attnotnull THEN 'no' ELSE 'yes' END,
                  coalesce('`' || replace(c.expression, '|', '\|') || '`', ''), replace(coalesce(c.comment, ''), '|', '\|'))
    FROM relations r
    JOIN columns c ON c.oid = r.oid
    UNION ALL
    SELECT r.place, r.position, 6, 0,
           E'\n' || string_agg(format('- `%s`', replace(regexp_replace(pg_get_indexdef(i.indexrelid), '^CREATE (UNIQUE )?INDEX (\S+) ON \S+ USING ', '\2: \1'), 'UNIQUE ', 'unique ')), E'\n'
                               ORDER BY i.indisprimary DESC, i.indexrelid::regclass::text) || E'\n'
    FROM relations r
    JOIN pg_index i ON i.indrelid = r.oid
    GROUP BY r.place, r.position, r.name
)
SELECT line FROM lines ORDER BY place, position, part, step
