-- Rules that the database itself enforces, beyond the checks beside the tables: system roles of a new tenant, versions of skills,
-- the append-only audit log and its retention, pairing codes.
--
-- Locks: SHARE ROW EXCLUSIVE on the tables that get a trigger, for milliseconds. Older binaries: go on working.

-- System roles. Running an agent is agents.create: a viewer has it not.
CREATE OR REPLACE FUNCTION oiab_system_roles() RETURNS TABLE (name text, description text, permissions jsonb) LANGUAGE sql IMMUTABLE AS $$
    SELECT role.name, role.description, jsonb_build_object(
        'agents', jsonb_build_object('create', role.runs, 'delete', role.administers, 'configure', role.administers,
                                     'use_templates', CASE WHEN role.runs THEN '["*"]'::jsonb ELSE '[]'::jsonb END),
        'memory', jsonb_build_object('read_own', true, 'read_team', true, 'read_org', role.administers, 'write', role.runs,
                                     'delete', role.runs, 'share', role.administers),
        'tools', jsonb_build_object('allowed', CASE WHEN role.runs THEN '["*"]'::jsonb ELSE '[]'::jsonb END, 'denied', '[]'::jsonb),
        'admin', jsonb_build_object('manage_users', role.administers, 'manage_roles', role.administers,
                                    'manage_templates', role.administers, 'manage_providers', role.administers,
                                    'view_audit_log', role.administers, 'manage_tenant', role.name = 'owner'),
        'cost', '{}'::jsonb)
    FROM (VALUES ('owner', 'Everything, including the tenant itself.', true, true),
                 ('admin', 'Everything except the tenant itself.', true, true),
                 ('member', 'Creates and uses agents, reads and writes own memories, reads team memories.', true, false),
                 ('viewer', 'Reads sessions and memories; runs no agents.', false, false))
        AS role (name, description, runs, administers)
$$;
COMMENT ON FUNCTION oiab_system_roles() IS 'The four roles that every tenant has.';

CREATE OR REPLACE FUNCTION oiab_seed_system_roles(tenant uuid) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    INSERT INTO roles (tenant_id, name, description, permissions, is_system)
    SELECT tenant, system.name, system.description, system.permissions, true
    FROM oiab_system_roles() AS system
    WHERE NOT EXISTS (SELECT 1 FROM roles WHERE roles.tenant_id = tenant AND roles.name = system.name)
$$;
COMMENT ON FUNCTION oiab_seed_system_roles(uuid) IS 'Gives a tenant the system roles that it lacks. Existing ones, edited or not, stay.';

CREATE OR REPLACE FUNCTION oiab_seed_new_tenant() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM oiab_seed_system_roles(NEW.id);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION oiab_seed_new_tenant() IS 'Seeds the system roles when a tenant is created.';
CREATE OR REPLACE TRIGGER tenants_seed_roles AFTER INSERT ON tenants FOR EACH ROW EXECUTE FUNCTION oiab_seed_new_tenant();
SELECT oiab_seed_system_roles(id) FROM tenants;

-- Skills.
CREATE OR REPLACE FUNCTION oiab_promote_skill() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status = 'promoted' THEN
        NEW.version := OLD.version + 1;
        NEW.promoted_at := coalesce(NEW.promoted_at, now());
    ELSE
        NEW.deprecated_at := coalesce(NEW.deprecated_at, now());
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION oiab_promote_skill() IS 'Increments the version of a promoted skill and stamps when its status changed.';
CREATE OR REPLACE TRIGGER skills_version BEFORE UPDATE OF status ON skills
    FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION oiab_promote_skill();

-- A memory whose text changes is embedded anew: recall compares vectors of the current model only, so clearing the model suffices. A
-- claim is of the former text: nobody is having the new one embedded.
CREATE OR REPLACE FUNCTION oiab_forget_embedding() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.embedding_model := NULL;
    NEW.embedding_skipped := NULL;
    NEW.embedding_claimed_by := NULL;
    NEW.embedding_claimed_until := NULL;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION oiab_forget_embedding() IS 'Marks a memory whose text changed as not embedded.';
CREATE OR REPLACE TRIGGER memories_content_changed BEFORE UPDATE OF content ON memories
    FOR EACH ROW WHEN (OLD.content IS DISTINCT FROM NEW.content) EXECUTE FUNCTION oiab_forget_embedding();

-- Audit log.
CREATE OR REPLACE FUNCTION oiab_audit_retention(action text) RETURNS interval LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN split_part(action, '.', 1) IN ('tool', 'agent', 'file') THEN interval '1 year' ELSE interval '2 years' END
$$;
COMMENT ON FUNCTION oiab_audit_retention(text) IS 'How long an audit entry is kept: tool, agent and file 1 year, everything else 2 years.';

CREATE OR REPLACE FUNCTION oiab_refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- The mark of the retention routine alone does not suffice: it lets nothing go that is still within its retention.
    IF TG_OP = 'DELETE' AND current_setting('oiab.audit_retention', true) = 'on'
       AND OLD.ts < now() - oiab_audit_retention(OLD.action) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
COMMENT ON FUNCTION oiab_refuse_audit_change() IS 'Refuses UPDATE, DELETE and TRUNCATE of audit entries, except for the retention routine.';
CREATE OR REPLACE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION oiab_refuse_audit_change();
CREATE OR REPLACE TRIGGER audit_log_no_truncate BEFORE TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION oiab_refuse_audit_change();
CREATE OR REPLACE TRIGGER platform_audit_log_append_only BEFORE UPDATE OR DELETE ON platform_audit_log
    FOR EACH ROW EXECUTE FUNCTION oiab_refuse_audit_change();
CREATE OR REPLACE TRIGGER platform_audit_log_no_truncate BEFORE TRUNCATE ON platform_audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION oiab_refuse_audit_change();

CREATE OR REPLACE FUNCTION oiab_purge_audit_log(batch integer DEFAULT 1000) RETURNS bigint LANGUAGE plpgsql
SECURITY DEFINER SET search_path FROM CURRENT SET oiab.audit_retention = 'on' AS $$
DECLARE
    removed bigint;
    more bigint;
BEGIN
    DELETE FROM audit_log WHERE id = ANY (ARRAY(
        SELECT id FROM audit_log WHERE ts < now() - interval '1 year' AND ts < now() - oiab_audit_retention(action)
        ORDER BY ts LIMIT batch FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS removed = ROW_COUNT;
    DELETE FROM platform_audit_log WHERE id = ANY (ARRAY(
        SELECT id FROM platform_audit_log WHERE ts < now() - interval '2 years' ORDER BY ts LIMIT batch FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS more = ROW_COUNT;
    RETURN removed + more;
END $$;
COMMENT ON FUNCTION oiab_purge_audit_log(integer) IS 'The retention routine: removes at most batch expired entries of each audit log, oldest first, and answers how many.';
REVOKE EXECUTE ON FUNCTION oiab_purge_audit_log(integer) FROM PUBLIC;

-- Pairing codes.
CREATE OR REPLACE FUNCTION oiab_admit_pairing_code() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    -- The gateway's row serialises its codes, so the limits hold however many ask at once.
    PERFORM 1 FROM gateways WHERE id = NEW.gateway_id FOR NO KEY UPDATE;
    IF EXISTS (SELECT 1 FROM gateway_pairing_codes
               WHERE gateway_id = NEW.gateway_id AND external_id = NEW.external_id AND created_at > now() - interval '10 minutes') THEN
        RAISE EXCEPTION 'one pairing code per person within 10 minutes' USING ERRCODE = 'check_violation';
    END IF;
    IF (SELECT count(*) FROM gateway_pairing_codes
        WHERE gateway_id = NEW.gateway_id AND consumed_at IS NULL AND expires_at > now()) >= 3 THEN
        RAISE EXCEPTION 'a gateway has at most 3 pairing codes waiting' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION oiab_admit_pairing_code() IS 'Limits of pairing codes: one per person within 10 minutes, three waiting per gateway.';
CREATE OR REPLACE TRIGGER gateway_pairing_codes_admit BEFORE INSERT ON gateway_pairing_codes
    FOR EACH ROW EXECUTE FUNCTION oiab_admit_pairing_code();

CREATE OR REPLACE FUNCTION oiab_refuse_pairing_code() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'pairing code % has expired or was already used', OLD.code USING ERRCODE = 'check_violation';
END $$;
COMMENT ON FUNCTION oiab_refuse_pairing_code() IS 'Refuses the approval of a code that has expired or was used.';
CREATE OR REPLACE TRIGGER gateway_pairing_codes_once BEFORE UPDATE OF consumed_at ON gateway_pairing_codes
    FOR EACH ROW WHEN (OLD.consumed_at IS NOT NULL OR NEW.consumed_at > OLD.expires_at) EXECUTE FUNCTION oiab_refuse_pairing_code();

CREATE OR REPLACE FUNCTION oiab_notify_pairing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- The code itself stays out of the notification: every session of the database could read it.
    PERFORM pg_notify('orginabox_gateway_events', jsonb_build_object(
        'type', CASE TG_OP WHEN 'INSERT' THEN 'pairing_code_created' ELSE 'pairing_approved' END,
        'gatewayId', NEW.gateway_id, 'externalId', NEW.external_id, 'expiresAt', NEW.expires_at)::text);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION oiab_notify_pairing() IS 'Tells orginabox_gateway_events that a code was created or approved.';
CREATE OR REPLACE TRIGGER gateway_pairing_codes_created AFTER INSERT ON gateway_pairing_codes
    FOR EACH ROW EXECUTE FUNCTION oiab_notify_pairing();
CREATE OR REPLACE TRIGGER gateway_pairing_codes_approved AFTER UPDATE OF consumed_at ON gateway_pairing_codes
    FOR EACH ROW WHEN (OLD.consumed_at IS NULL AND NEW.consumed_at IS NOT NULL) EXECUTE FUNCTION oiab_notify_pairing();

CREATE OR REPLACE FUNCTION oiab_approve_pairing_code(gateway uuid, pairing_code text, user_id uuid, approved_by uuid DEFAULT NULL)
RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    approved gateway_pairing_codes;
    pairing uuid;
BEGIN
    UPDATE gateway_pairing_codes SET consumed_at = now()
    WHERE gateway_id = gateway AND code = upper(pairing_code) RETURNING * INTO approved;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such pairing code' USING ERRCODE = 'no_data_found';
    END IF;
    INSERT INTO gateway_paired_users AS paired (gateway_id, external_id, user_id, display_name, approved_by)
    VALUES (gateway, approved.external_id, oiab_approve_pairing_code.user_id, approved.display_name, oiab_approve_pairing_code.approved_by)
    ON CONFLICT (gateway_id, external_id) DO UPDATE SET user_id = excluded.user_id, approved_by = excluded.approved_by
    RETURNING paired.id INTO pairing;
    RETURN pairing;
END $$;
COMMENT ON FUNCTION oiab_approve_pairing_code(uuid, text, uuid, uuid) IS 'Uses a pairing code and pairs the person, in one transaction; answers the id of the paired user.';
