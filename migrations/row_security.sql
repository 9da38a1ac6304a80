-- Tenant isolation by row-level security. The owner of the tables (the usual worker) is exempt; members of the role oiab_worker, where an
-- administrator made it with roles.sql, see everything; every other role sees the rows of the tenant that its session names:
--
--     SET oiab.tenant_id = '<uuid>';     -- unset: only rows without a tenant (a single-operator installation)
--
-- The name is the application's word: isolation guards against a forgotten WHERE, not against a role that runs SQL of its own choice.
--
-- Locks: ACCESS EXCLUSIVE on each table for milliseconds. Older binaries: go on working when they own the tables or are oiab_worker.

CREATE OR REPLACE FUNCTION oiab_current_tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT nullif(current_setting('oiab.tenant_id', true), '')::uuid
$$;
COMMENT ON FUNCTION oiab_current_tenant() IS 'Tenant that the session named by SET oiab.tenant_id; NULL = none.';

-- Replaces the policy `policy_name` of a table.
CREATE OR REPLACE FUNCTION pg_temp.ensure_policy(relation regclass, policy_name text, command text, visible text, admitted text)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', relation);
    EXECUTE format('DROP POLICY IF EXISTS %I ON %s', policy_name, relation);
    EXECUTE format('CREATE POLICY %I ON %s FOR %s', policy_name, relation, command)
            || coalesce(' USING (' || visible || ')', '') || coalesce(' WITH CHECK (' || admitted || ')', '');
END $$;

DO $$
DECLARE
    relation text;
    own constant text := '(tenant_id = (SELECT oiab_current_tenant()) OR (tenant_id IS NULL AND (SELECT oiab_current_tenant()) IS NULL))';
    shared constant text := '(tenant_id IS NULL OR tenant_id = (SELECT oiab_current_tenant()))';
BEGIN
    FOREACH relation IN ARRAY ARRAY['users', 'roles', 'user_roles', 'entra_sessions', 'channel_links', 'sessions_index', 'personas', 'memories',
                                    'trajectories', 'skills', 'usage_events', 'usage_reservations', 'tool_events', 'audit_log', 'orchestrator_plans', 'dispatches',
                                    'triggers', 'tenant_invitations', 'tenant_domains', 'tenant_quotas', 'api_keys', 'gateways'] LOOP
        PERFORM pg_temp.ensure_policy(relation, 'tenant_isolation', 'ALL', own, own);
    END LOOP;
    PERFORM pg_temp.ensure_policy('tenants', 'tenant_isolation', 'ALL', 'id = (SELECT oiab_current_tenant())', NULL);

    -- What is global may be read, and written only by whoever owns the tables.
    FOREACH relation IN ARRAY ARRAY['agent_templates', 'providers', 'feature_flags'] LOOP
        PERFORM pg_temp.ensure_policy(relation, 'tenant_isolation', 'ALL', own, own);
        PERFORM pg_temp.ensure_policy(relation, 'global_read', 'SELECT', shared, NULL);
    END LOOP;
    PERFORM pg_temp.ensure_policy('model_prices', 'global_read', 'SELECT', 'true', NULL);

    -- A producer that names no tenant may enqueue for any: it needs INSERT on jobs and nothing else. One that does is held to it.
    PERFORM pg_temp.ensure_policy('jobs', 'tenant_isolation', 'ALL', own, own);
    PERFORM pg_temp.ensure_policy('jobs', 'producers', 'INSERT', NULL,
        '(SELECT oiab_current_tenant()) IS NULL OR tenant_id IS NULL OR tenant_id = (SELECT oiab_current_tenant())');

    -- Rows without a tenant of their own follow the row that they belong to, as far as the reader sees that one.
    FOREACH relation IN ARRAY ARRAY['session_messages', 'session_stream'] LOOP
        PERFORM pg_temp.ensure_policy(relation, 'tenant_isolation', 'ALL',
            format('EXISTS (SELECT 1 FROM sessions_index WHERE sessions_index.session_id = %I.session_id)', relation), NULL);
    END LOOP;
    PERFORM pg_temp.ensure_policy('orchestrator_subtasks', 'tenant_isolation', 'ALL',
        'EXISTS (SELECT 1 FROM orchestrator_plans WHERE orchestrator_plans.id = orchestrator_subtasks.plan_id)', NULL);
    PERFORM pg_temp.ensure_policy('dispatch_members', 'tenant_isolation', 'ALL',
        'EXISTS (SELECT 1 FROM dispatches WHERE dispatches.id = dispatch_members.dispatch_id)', NULL);
    FOREACH relation IN ARRAY ARRAY['gateway_paired_users', 'gateway_pairing_codes'] LOOP
        PERFORM pg_temp.ensure_policy(relation, 'tenant_isolation', 'ALL',
            format('EXISTS (SELECT 1 FROM gateways WHERE gateways.id = %I.gateway_id)', relation), NULL);
    END LOOP;

    -- The rest is the worker's own or the platform's: no policy, so other roles see nothing.
    FOREACH relation IN ARRAY ARRAY['embedding_cache', 'job_steps', 'job_pauses', 'workers', 'leadership', 'schema_meta', 'platform_admins',
                                    'platform_sessions', 'platform_audit_log'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', relation);
    END LOOP;
END $$;

-- Called here at every migration and by roles.sql, so that the worker's role also sees tables that came later.
CREATE OR REPLACE FUNCTION oiab_admit_worker() RETURNS void LANGUAGE plpgsql
SET search_path FROM CURRENT SET client_min_messages = warning AS $$
DECLARE
    relation regclass;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'oiab_worker') THEN
        RETURN;
    END IF;
    FOR relation IN SELECT oid FROM pg_class WHERE relnamespace = to_regnamespace(quote_ident(current_schema())) AND relkind = 'r' AND relrowsecurity LOOP
        EXECUTE format('DROP POLICY IF EXISTS worker ON %s', relation);
        EXECUTE format('CREATE POLICY worker ON %s TO oiab_worker USING (true) WITH CHECK (true)', relation);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO oiab_worker', relation);
    END LOOP;
    -- Least privilege: the audit logs are appended to (their retention routine runs as the owner), and migrating is the owner's.
    REVOKE UPDATE, DELETE ON audit_log, platform_audit_log FROM oiab_worker;
    REVOKE INSERT, UPDATE, DELETE ON schema_meta FROM oiab_worker;
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO oiab_worker', current_schema());
    EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA %I TO oiab_worker', current_schema());
    GRANT SELECT, UPDATE ON SEQUENCE claim_frontier TO oiab_worker;
    GRANT EXECUTE ON FUNCTION oiab_purge_audit_log(integer) TO oiab_worker;
END $$;
COMMENT ON FUNCTION oiab_admit_worker() IS 'Lets members of the role oiab_worker see and write every table; does nothing where the role does not exist.';
REVOKE EXECUTE ON FUNCTION oiab_admit_worker() FROM PUBLIC;
SELECT oiab_admit_worker();
