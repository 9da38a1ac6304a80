-- How a skill moves on: promote_skill and deprecate_skill, for the command line, for SQL clients and for the OIAB API, and what holds
-- whoever changes the status: of the promoted skills of one name a tenant has one, the newest.
--
-- Locks: SHARE ROW EXCLUSIVE on skills for the trigger, for milliseconds. Older binaries: go on working.

-- A skill that is promoted takes the place of the one with its name. Two that are promoted at the same instant both stay; turns are then
-- offered the one with the later promoted_at.
CREATE OR REPLACE FUNCTION oiab_supersede_skill() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE skills SET status = 'deprecated'
    WHERE tenant_id IS NOT DISTINCT FROM NEW.tenant_id AND name = NEW.name AND status = 'promoted' AND id <> NEW.id;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION oiab_supersede_skill() IS 'Deprecates the promoted skill of the same tenant and name when a newer one is promoted.';
CREATE OR REPLACE TRIGGER skills_supersede AFTER UPDATE OF status ON skills
    FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status AND NEW.status = 'promoted') EXECUTE FUNCTION oiab_supersede_skill();

-- What both have in common. Rights are those of the caller (SECURITY INVOKER); `by` is the caller's word for the person behind it.
CREATE OR REPLACE FUNCTION oiab_change_skill(skill uuid, target text, by uuid)
RETURNS TABLE (id uuid, name text, status text, version integer, changed boolean) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    s skills;
    superseded uuid[];
BEGIN
    SELECT * INTO s FROM skills WHERE skills.id = oiab_change_skill.skill FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no skill %', oiab_change_skill.skill USING ERRCODE = 'no_data_found';
    END IF;
    IF oiab_change_skill.by IS NOT NULL THEN
        PERFORM FROM users u LEFT JOIN tenants t ON t.id = u.tenant_id
        WHERE u.id = oiab_change_skill.by AND u.status = 'active' AND coalesce(t.status, 'active') = 'active'
          AND u.tenant_id IS NOT DISTINCT FROM s.tenant_id;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'user % is no active user of the tenant that the skill belongs to', oiab_change_skill.by
                USING ERRCODE = 'insufficient_privilege';
        END IF;
        -- Without tenant and roles it is the single operator, who may do everything.
        IF NOT EXISTS (SELECT FROM user_roles ur JOIN roles r ON r.id = ur.role_id
                       WHERE ur.user_id = oiab_change_skill.by AND r.tenant_id IS NOT DISTINCT FROM s.tenant_id
                         AND coalesce(ur.tenant_id = s.tenant_id, true)
                         AND r.permissions #> '{admin,manage_templates}' = 'true'::jsonb)
           AND NOT (s.tenant_id IS NULL AND NOT EXISTS (SELECT FROM user_roles ur WHERE ur.user_id = oiab_change_skill.by)) THEN
            RAISE EXCEPTION 'no role of user % allows managing skills (admin.manage_templates)', oiab_change_skill.by
                USING ERRCODE = 'insufficient_privilege';
        END IF;
    END IF;
    IF s.status = target THEN
        RETURN QUERY SELECT s.id, s.name, s.status, s.version, false;
        RETURN;
    END IF;
    IF s.status = 'deprecated' THEN
        RAISE EXCEPTION 'skill % is deprecated; nothing brings it back, a new one has to be proposed', s.id USING ERRCODE = 'check_violation';
    END IF;

    IF target = 'promoted' THEN
        SELECT array_agg(old.id ORDER BY old.id) INTO superseded FROM skills old
        WHERE old.tenant_id IS NOT DISTINCT FROM s.tenant_id AND old.name = s.name AND old.status = 'promoted';
        UPDATE skills SET status = target, promoted_by = oiab_change_skill.by WHERE skills.id = s.id RETURNING * INTO s;
    ELSE
        UPDATE skills SET status = target WHERE skills.id = s.id RETURNING * INTO s;
    END IF;
    INSERT INTO audit_log (tenant_id, user_id, actor, action, target, payload)
    VALUES (s.tenant_id, oiab_change_skill.by, coalesce('user:' || oiab_change_skill.by, 'system'),
            CASE s.status WHEN 'promoted' THEN 'admin.skill_promote' ELSE 'admin.skill_deprecate' END, 'skill:' || s.id,
            jsonb_strip_nulls(jsonb_build_object('name', s.name, 'version', s.version, 'superseded', to_jsonb(superseded),
                                                 'databaseRole', CASE WHEN oiab_change_skill.by IS NULL THEN session_user END)));
    RETURN QUERY SELECT s.id, s.name, s.status, s.version, true;
END $$;
COMMENT ON FUNCTION oiab_change_skill(uuid, text, uuid) IS 'What promote_skill and deprecate_skill have in common.';

CREATE OR REPLACE FUNCTION promote_skill(skill uuid, by uuid DEFAULT NULL)
RETURNS TABLE (id uuid, name text, status text, version integer, changed boolean) LANGUAGE sql VOLATILE AS $$
    SELECT * FROM oiab_change_skill(promote_skill.skill, 'promoted', promote_skill.by)
$$;
COMMENT ON FUNCTION promote_skill(uuid, uuid) IS 'Promotes a proposed skill: turns of its tenant are offered it from then on. by = user with admin.manage_templates, NULL = an operator. A skill that is promoted already stays as it is (changed = false).';

CREATE OR REPLACE FUNCTION deprecate_skill(skill uuid, by uuid DEFAULT NULL)
RETURNS TABLE (id uuid, name text, status text, version integer, changed boolean) LANGUAGE sql VOLATILE AS $$
    SELECT * FROM oiab_change_skill(deprecate_skill.skill, 'deprecated', deprecate_skill.by)
$$;
COMMENT ON FUNCTION deprecate_skill(uuid, uuid) IS 'Retires a skill for good: new turns are not offered it. by = user with admin.manage_templates, NULL = an operator. A skill that is deprecated already stays as it is (changed = false).';
