-- Runtime schema, first part: who there is. schema_meta, tenants, users, roles, user_roles, entra_sessions, channel_links.
--
-- Locks: ACCESS EXCLUSIVE on each table for milliseconds; filling NULLs of old rows writes those rows once.
-- Older binaries: go on working; columns are only added.

CREATE OR REPLACE FUNCTION oiab_touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END $$;
COMMENT ON FUNCTION oiab_touch_updated_at() IS 'Stamps updated_at where the writer left it as it was.';

-- Fired by the WHEN of the status triggers, so only for a change that is not legal.
CREATE OR REPLACE FUNCTION oiab_refuse_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%: status cannot change from % to %', TG_TABLE_NAME, OLD.status, coalesce(NEW.status, 'NULL')
        USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, COLUMN = 'status';
END $$;
COMMENT ON FUNCTION oiab_refuse_transition() IS 'Refuses a change of status that is not legal.';

CREATE TABLE IF NOT EXISTS schema_meta ();
ALTER TABLE schema_meta
    ADD COLUMN IF NOT EXISTS key text NOT NULL,
    ADD COLUMN IF NOT EXISTS value text NOT NULL,
    ADD COLUMN IF NOT EXISTS updated_at timestamptz NOT NULL DEFAULT now();
SELECT pg_temp.ensure_primary_key('schema_meta', 'key');
COMMENT ON TABLE schema_meta IS 'What the migrator knows about this schema. Written and read by the worker''s migrator.';
COMMENT ON COLUMN schema_meta.key IS 'fingerprint, version, compatible_from.';
COMMENT ON COLUMN schema_meta.value IS 'Value of the key, as text.';
COMMENT ON COLUMN schema_meta.updated_at IS 'When the value was written.';

CREATE TABLE IF NOT EXISTS tenants ();
ALTER TABLE tenants
    ADD COLUMN IF NOT EXISTS id uuid DEFAULT gen_random_uuid(),
    ADD COLUMN IF NOT EXISTS name text DEFAULT '',
    ADD COLUMN IF NOT EXISTS slug text,
    ADD COLUMN IF NOT EXISTS entra_tenant_id text,
    ADD COLUMN IF NOT EXISTS settings jsonb DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS status text DEFAULT 'active',
    ADD COLUMN IF NOT EXISTS created_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN IF NOT EXISTS updated_at timestamptz NOT NULL DEFAULT now();
SELECT pg_temp.ensure_default('tenants', 'id', 'gen_random_uuid()');
SELECT pg_temp.ensure_default('tenants', 'name', '''''');
SELECT pg_temp.ensure_default('tenants', 'settings', '''{}''');
SELECT pg_temp.ensure_default('tenants', 'status', '''active''');
SELECT pg_temp.ensure_primary_key('tenants', 'id');
SELECT pg_temp.ensure_check('tenants', 'tenants_status_check', $$status IN ('active', 'suspended', 'deleted')$$);
SELECT pg_temp.ensure_transitions('tenants', ARRAY['active>suspended', 'suspended>active', 'active>deleted', 'suspended>deleted']);
SELECT pg_temp.ensure_updated_at('tenants');
COMMENT ON TABLE tenants IS 'Organisation units; one Entra ID tenant is one tenant here. Written by the OIAB API, read by the worker and the gateways.';
COMMENT ON COLUMN tenants.id IS 'Key.';
COMMENT ON COLUMN tenants.name IS 'Display name.';
COMMENT ON COLUMN tenants.slug IS 'URL-safe name, such as contoso; unique.';
COMMENT ON COLUMN tenants.entra_tenant_id IS 'Entra ID (Azure AD) tenant id; unique.';
COMMENT ON COLUMN tenants.settings IS 'Settings of the organisation: groupRoleMapping (group id to role name), runtime (agent runtime to use).';
COMMENT ON COLUMN tenants.status IS 'active, suspended or deleted; deleted is final.';
COMMENT ON COLUMN tenants.created_at IS 'When the tenant was created.';
COMMENT ON COLUMN tenants.updated_at IS 'When the row last changed.';

CREATE TABLE IF NOT EXISTS users ();
ALTER TABLE users
    ADD COLUMN IF NOT EXISTS id uuid DEFAULT gen_random_uuid(),
    ADD COLUMN IF NOT EXISTS handle text,
    ADD COLUMN IF NOT EXISTS tenant_id uuid,
    ADD COLUMN IF NOT EXISTS email text,
    ADD COLUMN IF NOT EXISTS display_name text,
    ADD COLUMN IF NOT EXISTS entra_object_id text,
    ADD COLUMN IF NOT EXISTS status text DEFAULT 'active',
    ADD COLUMN IF NOT EXISTS last_seen_at timestamptz,
    ADD COLUMN IF NOT EXISTS created_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN IF NOT EXISTS updated_at timestamptz NOT NULL DEFAULT now();
SELECT pg_temp.ensure_default('users', 'id', 'gen_random_uuid()');
SELECT pg_temp.ensure_default('users', 'status', '''active''');
SELECT pg_temp.ensure_primary_key('users', 'id');
SELECT pg_temp.ensure_reference('users', 'tenant_id', 'tenants', 'id', 'CASCADE');
SELECT pg_temp.ensure_check('users', 'users_status_check', $$status IN ('active', 'suspended', 'deactivated')$$);
SELECT pg_temp.ensure_transitions('users', ARRAY['active>suspended', 'suspended>active', 'active>deactivated', 'suspended>deactivated',
                                                 'deactivated>active']);
SELECT pg_temp.ensure_updated_at('users');
COMMENT ON TABLE users IS 'One row a person. Written by the OIAB API and the gateways, read by the worker.';
COMMENT ON COLUMN users.id IS 'Key.';
COMMENT ON COLUMN users.handle IS 'Short identifier; unique.';
COMMENT ON COLUMN users.tenant_id IS 'Tenant of the person; NULL in a single-operator installation.';
COMMENT ON COLUMN users.email IS 'E-mail address.';
COMMENT ON COLUMN users.display_name IS 'Name to show.';
COMMENT ON COLUMN users.entra_object_id IS 'Entra ID (Azure AD) object id of the person.';
COMMENT ON COLUMN users.status IS 'active, suspended or deactivated; only active users get work done.';
COMMENT ON COLUMN users.last_seen_at IS 'Last sign-in or message that the API saw.';
COMMENT ON COLUMN users.created_at IS 'When the user was created.';
COMMENT ON COLUMN users.updated_at IS 'When the row last changed.';

CREATE TABLE IF NOT EXISTS roles ();
ALTER TABLE roles
    ADD COLUMN IF NOT EXISTS id uuid DEFAULT gen_random_uuid(),
    ADD COLUMN IF NOT EXISTS tenant_id uuid,
    ADD COLUMN IF NOT EXISTS name text,
    ADD COLUMN IF NOT EXISTS description text,
    ADD COLUMN IF NOT EXISTS permissions jsonb DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS is_system boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS created_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN IF NOT EXISTS updated_at timestamptz NOT NULL DEFAULT now();
SELECT pg_temp.ensure_default('roles', 'id', 'gen_random_uuid()');
SELECT pg_temp.ensure_default('roles', 'permissions', '''{}''');
SELECT pg_temp.ensure_primary_key('roles', 'id');
SELECT pg_temp.ensure_reference('roles', 'tenant_id', 'tenants', 'id', 'CASCADE');
SELECT pg_temp.ensure_check('roles', 'roles_permissions_check', $$jsonb_typeof(permissions) = 'object'$$);
SELECT pg_temp.ensure_updated_at('roles');
COMMENT ON TABLE roles IS 'Roles of a tenant and what they allow. System roles are seeded by trigger; custom ones are written by the OIAB API. Read by the worker before every turn.';
COMMENT ON COLUMN roles.id IS 'Key.';
COMMENT ON COLUMN roles.tenant_id IS 'Tenant that the role belongs to.';
COMMENT ON COLUMN roles.name IS 'Name, unique within the tenant: owner, admin, member, viewer or a custom one.';
COMMENT ON COLUMN roles.description IS 'What the role is for.';
COMMENT ON COLUMN roles.permissions IS 'RbacPermissions: groups agents, memory, tools, admin, cost.';
COMMENT ON COLUMN roles.is_system IS 'True for the four that every tenant has.';
COMMENT ON COLUMN roles.created_at IS 'When the role was created.';
COMMENT ON COLUMN roles.updated_at IS 'When the row last changed.';

CREATE TABLE IF NOT EXISTS user_roles ();
ALTER TABLE user_roles
    ADD COLUMN IF NOT EXISTS user_id uuid,
    ADD COLUMN IF NOT EXISTS role_id uuid,
    ADD COLUMN IF NOT EXISTS tenant_id uuid,
    ADD COLUMN IF NOT EXISTS granted_by uuid,
    ADD COLUMN IF NOT EXISTS created_at timestamptz NOT NULL DEFAULT now();
SELECT pg_temp.ensure_primary_key('user_roles', 'user_id, role_id');
SELECT pg_temp.ensure_reference('user_roles', 'user_id', 'users', 'id', 'CASCADE');
SELECT pg_temp.ensure_reference('user_roles', 'role_id', 'roles', 'id', 'CASCADE');
SELECT pg_temp.ensure_reference('user_roles', 'tenant_id', 'tenants', 'id', 'CASCADE');
COMMENT ON TABLE user_roles IS 'Which user has which role within a tenant. Written by the OIAB API, read by the worker before every turn.';
COMMENT ON COLUMN user_roles.user_id IS 'The user.';
COMMENT ON COLUMN user_roles.role_id IS 'The role.';
COMMENT ON COLUMN user_roles.tenant_id IS 'Tenant within which the role holds.';
COMMENT ON COLUMN user_roles.granted_by IS 'User who granted it; NULL when the system did.';
COMMENT ON COLUMN user_roles.created_at IS 'When it was granted.';

CREATE TABLE IF NOT EXISTS entra_sessions ();
ALTER TABLE entra_sessions
    ADD COLUMN IF NOT EXISTS id uuid DEFAULT gen_random_uuid(),
    ADD COLUMN IF NOT EXISTS user_id uuid,
    ADD COLUMN IF NOT EXISTS tenant_id uuid,
    ADD COLUMN IF NOT EXISTS access_token text,
    ADD COLUMN IF NOT EXISTS refresh_token text,
    ADD COLUMN IF NOT EXISTS expires_at timestamptz,
    ADD COLUMN IF NOT EXISTS refresh_expires_at timestamptz,
    ADD COLUMN IF NOT EXISTS last_used_at timestamptz,
    ADD COLUMN IF NOT EXISTS revoked_at timestamptz,
    ADD COLUMN IF NOT EXISTS created_at timestamptz NOT NULL DEFAULT now();
SELECT pg_temp.ensure_default('entra_sessions', 'id', 'gen_random_uuid()');
SELECT pg_temp.ensure_primary_key('entra_sessions', 'id');
SELECT pg_temp.ensure_reference('entra_sessions', 'user_id', 'users', 'id', 'CASCADE');
SELECT pg_temp.ensure_reference('entra_sessions', 'tenant_id', 'tenants', 'id', 'CASCADE');
COMMENT ON TABLE entra_sessions IS 'Active single sign-on sessions with encrypted tokens. Written and read by the OIAB API.';
COMMENT ON COLUMN entra_sessions.id IS 'Key.';
COMMENT ON COLUMN entra_sessions.user_id IS 'Who is signed in.';
COMMENT ON COLUMN entra_sessions.tenant_id IS 'Tenant of the user.';
COMMENT ON COLUMN entra_sessions.access_token IS 'Access token, encrypted (v1:iv:tag:ciphertext).';
COMMENT ON COLUMN entra_sessions.refresh_token IS 'Refresh token, encrypted (v1:iv:tag:ciphertext).';
COMMENT ON COLUMN entra_sessions.expires_at IS 'When the access token expires.';
COMMENT ON COLUMN entra_sessions.refresh_expires_at IS 'When the refresh token expires.';
COMMENT ON COLUMN entra_sessions.last_used_at IS 'Last request of the session.';
COMMENT ON COLUMN entra_sessions.revoked_at IS 'When the session was ended by sign-out or by an administrator.';
COMMENT ON COLUMN entra_sessions.created_at IS 'When the user signed in.';

CREATE TABLE IF NOT EXISTS channel_links ();
ALTER TABLE channel_links
    ADD COLUMN IF NOT EXISTS id uuid NOT NULL DEFAULT gen_random_uuid(),
    ADD COLUMN IF NOT EXISTS tenant_id uuid,
    ADD COLUMN IF NOT EXISTS user_id uuid NOT NULL,
    ADD COLUMN IF NOT EXISTS channel text NOT NULL,
    ADD COLUMN IF NOT EXISTS external_id text NOT NULL,
    ADD COLUMN IF NOT EXISTS created_at timestamptz NOT NULL DEFAULT now();
SELECT pg_temp.ensure_primary_key('channel_links', 'id');
SELECT pg_temp.ensure_reference('channel_links', 'tenant_id', 'tenants', 'id', 'CASCADE');
SELECT pg_temp.ensure_reference('channel_links', 'user_id', 'users', 'id', 'CASCADE');
COMMENT ON TABLE channel_links IS 'Which user a person on a channel is. Written and read by the gateways.';
COMMENT ON COLUMN channel_links.id IS 'Key.';
COMMENT ON COLUMN channel_links.tenant_id IS 'Tenant of the user.';
COMMENT ON COLUMN channel_links.user_id IS 'The user here.';
COMMENT ON COLUMN channel_links.channel IS 'slack, teams, email, telegram, web.';
COMMENT ON COLUMN channel_links.external_id IS 'The person there: platform:id; unique within the channel.';
COMMENT ON COLUMN channel_links.created_at IS 'When the link was made.';
