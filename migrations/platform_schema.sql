-- Platform administration: platform_admins, platform_sessions, platform_audit_log, tenant_invitations, tenant_domains, tenant_quotas,
-- model_prices, feature_flags, api_keys.
--
-- Locks: ACCESS EXCLUSIVE on each table for milliseconds.
-- Older binaries: go on working; columns are only added.

CREATE TABLE IF NOT EXISTS platform_admins ();
ALTER TABLE platform_admins
    ADD COLUMN IF NOT EXISTS id uuid NOT NULL DEFAULT gen_random_uuid(),
    ADD COLUMN IF NOT EXISTS email text NOT NULL,
    ADD COLUMN IF NOT EXISTS display_name text,
    ADD COLUMN IF NOT EXISTS entra_object_id text,
    ADD COLUMN IF NOT EXISTS status text NOT NULL DEFAULT 'active',
    ADD COLUMN IF NOT EXISTS created_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN IF NOT EXISTS updated_at timestamptz NOT NULL DEFAULT now();
SELECT pg_temp.ensure_primary_key('platform_admins', 'id');
SELECT pg_temp.ensure_check('platform_admins', 'platform_admins_status_check', $$status IN ('active', 'suspended', 'deactivated')$$);
SELECT pg_temp.ensure_updated_at('platform_admins');
COMMENT ON TABLE platform_admins IS 'People who administer the platform rather than a tenant. Written and read by the OIAB API.';
COMMENT ON COLUMN platform_admins.id IS 'Key.';
COMMENT ON COLUMN platform_admins.email IS 'E-mail address; unique.';
COMMENT ON COLUMN platform_admins.display_name IS 'Name to show.';
COMMENT ON COLUMN platform_admins.entra_object_id IS 'Entra ID object id in the platform''s own directory.';
COMMENT ON COLUMN platform_admins.status IS 'active, suspended or deactivated.';
COMMENT ON COLUMN platform_admins.created_at IS 'When the row was created.';
COMMENT ON COLUMN platform_admins.updated_at IS 'When the row last changed.';

CREATE TABLE IF NOT EXISTS platform_sessions ();
ALTER TABLE platform_sessions
    ADD COLUMN IF NOT EXISTS id uuid NOT NULL DEFAULT gen_random_uuid(),
    ADD COLUMN IF NOT EXISTS admin_id uuid NOT NULL,
    ADD COLUMN IF NOT EXISTS token_hash text NOT NULL,
    ADD COLUMN IF NOT EXISTS ip_address text,
    ADD COLUMN IF NOT EXISTS user_agent text,
    ADD COLUMN IF NOT EXISTS expires_at timestamptz NOT NULL,
    ADD COLUMN IF NOT EXISTS revoked_at timestamptz,
    ADD COLUMN IF NOT EXISTS created_at timestamptz NOT NULL DEFAULT now();
SELECT pg_temp.ensure_primary_key('platform_sessions', 'id');
SELECT pg_temp.ensure_reference('platform_sessions', 'admin_id', 'platform_admins', 'id', 'CASCADE');
COMMENT ON TABLE platform_sessions IS 'Signed-in platform administrators. Written and read by the OIAB API.';
COMMENT ON COLUMN platform_sessions.id IS 'Key.';
COMMENT ON COLUMN platform_sessions.admin_id IS 'Who is signed in.';
COMMENT ON COLUMN platform_sessions.token_hash IS 'SHA-256 of the session token; the token itself is stored nowhere.';
COMMENT ON COLUMN platform_sessions.ip_address IS 'Address at sign-in.';
COMMENT ON COLUMN platform_sessions.user_agent IS 'User agent at sign-in.';
COMMENT ON COLUMN platform_sessions.expires_at IS 'When the session ends by itself.';
COMMENT ON COLUMN platform_sessions.revoked_at IS 'When it was ended before that.';
COMMENT ON COLUMN platform_sessions.created_at IS 'When the administrator signed in.';

CREATE TABLE IF NOT EXISTS platform_audit_log ();
ALTER TABLE platform_audit_log
    ADD COLUMN IF NOT EXISTS id uuid NOT NULL DEFAULT gen_random_uuid(),
    ADD COLUMN IF NOT EXISTS ts timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN IF NOT EXISTS admin_id uuid,
    ADD COLUMN IF NOT EXISTS tenant_id uuid,
    ADD COLUMN IF NOT EXISTS action text NOT NULL,
    ADD COLUMN IF NOT EXISTS target text,
    ADD COLUMN IF NOT EXISTS ip_address text,
    ADD COLUMN IF NOT EXISTS payload jsonb;
SELECT pg_temp.ensure_primary_key('platform_audit_log', 'id');
COMMENT ON TABLE platform_audit_log IS 'What platform administrators did; append-only by trigger, kept 2 years. Written and read by the OIAB API.';
COMMENT ON COLUMN platform_audit_log.id IS 'Key.';
COMMENT ON COLUMN platform_audit_log.ts IS 'When it happened.';
COMMENT ON COLUMN platform_audit_log.admin_id IS 'Administrator.';
COMMENT ON COLUMN platform_audit_log.tenant_id IS 'Tenant that was acted upon.';
COMMENT ON COLUMN platform_audit_log.action IS 'Dotted name, such as tenant.suspend.';
COMMENT ON COLUMN platform_audit_log.target IS 'What was acted upon.';
COMMENT ON COLUMN platform_audit_log.ip_address IS 'Address of the client.';
COMMENT ON COLUMN platform_audit_log.payload IS 'Further facts.';

CREATE TABLE IF NOT EXISTS tenant_invitations ();
ALTER TABLE tenant_invitations
    ADD COLUMN IF NOT EXISTS id uuid NOT NULL DEFAULT gen_random_uuid(),
    ADD COLUMN IF NOT EXISTS tenant_id uuid NOT NULL,
    ADD COLUMN IF NOT EXISTS email text NOT NULL,
    ADD COLUMN IF NOT EXISTS role_name text NOT NULL DEFAULT 'member',
    ADD COLUMN IF NOT EXISTS token_hash text NOT NULL,
    ADD COLUMN IF NOT EXISTS status text NOT NULL DEFAULT 'pending',
    ADD COLUMN IF NOT EXISTS invited_by uuid,
    ADD COLUMN IF NOT EXISTS expires_at timestamptz NOT NULL DEFAULT now() + interval '7 days',
    ADD COLUMN IF NOT EXISTS accepted_at timestamptz,
    ADD COLUMN IF NOT EXISTS created_at timestamptz NOT NULL DEFAULT now();
SELECT pg_temp.ensure_primary_key('tenant_invitations', 'id');
SELECT pg_temp.ensure_reference('tenant_invitations', 'tenant_id', 'tenants', 'id', 'CASCADE');
SELECT pg_temp.ensure_check('tenant_invitations', 'tenant_invitations_status_check', $$status IN ('pending', 'accepted', 'revoked', 'expired')$$);
SELECT pg_temp.ensure_transitions('tenant_invitations', ARRAY['pending>accepted', 'pending>revoked', 'pending>expired']);
COMMENT ON TABLE tenant_invitations IS 'Invitations to join a tenant. Written and read by the OIAB API.';
COMMENT ON COLUMN tenant_invitations.id IS 'Key.';
COMMENT ON COLUMN tenant_invitations.tenant_id IS 'Tenant that invites.';
COMMENT ON COLUMN tenant_invitations.email IS 'Who is invited.';
COMMENT ON COLUMN tenant_invitations.role_name IS 'Role that the person will have.';
COMMENT ON COLUMN tenant_invitations.token_hash IS 'SHA-256 of the token in the invitation link; unique.';
COMMENT ON COLUMN tenant_invitations.status IS 'pending, then accepted, revoked or expired.';
COMMENT ON COLUMN tenant_invitations.invited_by IS 'User who invited.';
COMMENT ON COLUMN tenant_invitations.expires_at IS 'Until when it can be accepted.';
COMMENT ON COLUMN tenant_invitations.accepted_at IS 'When it was accepted.';
COMMENT ON COLUMN tenant_invitations.created_at IS 'When it was sent.';

CREATE TABLE IF NOT EXISTS tenant_domains ();
ALTER TABLE tenant_domains
    ADD COLUMN IF NOT EXISTS domain text NOT NULL,
    ADD COLUMN IF NOT EXISTS tenant_id uuid NOT NULL,
    ADD COLUMN IF NOT EXISTS verification_token text,
    ADD COLUMN IF NOT EXISTS verified_at timestamptz,
    ADD COLUMN IF NOT EXISTS created_at timestamptz NOT NULL DEFAULT now();
SELECT pg_temp.ensure_primary_key('tenant_domains', 'domain');
SELECT pg_temp.ensure_reference('tenant_domains', 'tenant_id', 'tenants', 'id', 'CASCADE');
SELECT pg_temp.ensure_check('tenant_domains', 'tenant_domains_domain_check', 'domain = lower(domain)');
COMMENT ON TABLE tenant_domains IS 'E-mail domains that belong to a tenant. Written and read by the OIAB API.';
COMMENT ON COLUMN tenant_domains.domain IS 'Domain in lower case; key.';
COMMENT ON COLUMN tenant_domains.tenant_id IS 'Tenant.';
COMMENT ON COLUMN tenant_domains.verification_token IS 'Value to publish as a DNS TXT record.';
COMMENT ON COLUMN tenant_domains.verified_at IS 'When the record was seen; NULL = not yet.';
COMMENT ON COLUMN tenant_domains.created_at IS 'When it was claimed.';

CREATE TABLE IF NOT EXISTS tenant_quotas ();
ALTER TABLE tenant_quotas
    ADD COLUMN IF NOT EXISTS tenant_id uuid NOT NULL,
    ADD COLUMN IF NOT EXISTS max_users integer,
    ADD COLUMN IF NOT EXISTS max_running_jobs integer,
    ADD COLUMN IF NOT EXISTS max_pending_jobs integer,
    ADD COLUMN IF NOT EXISTS monthly_limit_usd numeric(12, 2),
    ADD COLUMN IF NOT EXISTS updated_at timestamptz NOT NULL DEFAULT now();
SELECT pg_temp.ensure_primary_key('tenant_quotas', 'tenant_id');
SELECT pg_temp.ensure_reference('tenant_quotas', 'tenant_id', 'tenants', 'id', 'CASCADE');
SELECT pg_temp.ensure_updated_at('tenant_quotas');
COMMENT ON TABLE tenant_quotas IS 'Limits of a tenant; NULL = none. Written by the OIAB API, read by the worker (fairness, budgets).';
COMMENT ON COLUMN tenant_quotas.tenant_id IS 'Tenant; key.';
COMMENT ON COLUMN tenant_quotas.max_users IS 'How many users it may have.';
COMMENT ON COLUMN tenant_quotas.max_running_jobs IS 'How many of its jobs may run at a time.';
COMMENT ON COLUMN tenant_quotas.max_pending_jobs IS 'How many of its jobs may wait.';
COMMENT ON COLUMN tenant_quotas.monthly_limit_usd IS 'What all of its users together may cost in a calendar month (UTC).';
COMMENT ON COLUMN tenant_quotas.updated_at IS 'When the row last changed.';

CREATE TABLE IF NOT EXISTS model_prices ();
ALTER TABLE model_prices
    ADD COLUMN IF NOT EXISTS provider text NOT NULL,
    ADD COLUMN IF NOT EXISTS model text NOT NULL,
    ADD COLUMN IF NOT EXISTS effective_from timestamptz NOT NULL DEFAULT '-infinity',
    ADD COLUMN IF NOT EXISTS input_usd_per_million numeric(12, 6) NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS output_usd_per_million numeric(12, 6) NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS cache_read_usd_per_million numeric(12, 6) NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS cache_write_usd_per_million numeric(12, 6) NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS max_output_tokens integer,
    ADD COLUMN IF NOT EXISTS created_at timestamptz NOT NULL DEFAULT now();
SELECT pg_temp.ensure_primary_key('model_prices', 'provider, model, effective_from');
COMMENT ON TABLE model_prices IS 'What models cost, for calls whose provider names no price. Written by the OIAB API or an operator, read by the worker.';
COMMENT ON COLUMN model_prices.provider IS 'Provider id; * = any.';
COMMENT ON COLUMN model_prices.model IS 'Model id.';
COMMENT ON COLUMN model_prices.effective_from IS 'From when the price holds; the newest one that has begun counts.';
COMMENT ON COLUMN model_prices.input_usd_per_million IS 'US dollars for a million input tokens.';
COMMENT ON COLUMN model_prices.output_usd_per_million IS 'US dollars for a million output tokens.';
COMMENT ON COLUMN model_prices.cache_read_usd_per_million IS 'US dollars for a million tokens read from the provider''s cache.';
COMMENT ON COLUMN model_prices.cache_write_usd_per_million IS 'US dollars for a million tokens written to the provider''s cache.';
COMMENT ON COLUMN model_prices.max_output_tokens IS 'The most tokens that one answer may have where a cost limit applies; NULL = 16384. Calls under a limit are bounded by it.';
COMMENT ON COLUMN model_prices.created_at IS 'When the row was created.';

CREATE TABLE IF NOT EXISTS feature_flags ();
ALTER TABLE feature_flags
    ADD COLUMN IF NOT EXISTS id uuid NOT NULL DEFAULT gen_random_uuid(),
    ADD COLUMN IF NOT EXISTS key text NOT NULL,
    ADD COLUMN IF NOT EXISTS tenant_id uuid,
    ADD COLUMN IF NOT EXISTS enabled boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS value jsonb,
    ADD COLUMN IF NOT EXISTS updated_at timestamptz NOT NULL DEFAULT now();
SELECT pg_temp.ensure_primary_key('feature_flags', 'id');
SELECT pg_temp.ensure_reference('feature_flags', 'tenant_id', 'tenants', 'id', 'CASCADE');
SELECT pg_temp.ensure_updated_at('feature_flags');
COMMENT ON TABLE feature_flags IS 'Features that are switched for everybody or for one tenant. Written and read by the OIAB API.';
COMMENT ON COLUMN feature_flags.id IS 'Key.';
COMMENT ON COLUMN feature_flags.key IS 'Name of the feature; unique with tenant_id.';
COMMENT ON COLUMN feature_flags.tenant_id IS 'Tenant; NULL = everybody who has no row of their own.';
COMMENT ON COLUMN feature_flags.enabled IS 'Whether it is on.';
COMMENT ON COLUMN feature_flags.value IS 'Settings of the feature.';
COMMENT ON COLUMN feature_flags.updated_at IS 'When the row last changed.';

CREATE TABLE IF NOT EXISTS api_keys ();
ALTER TABLE api_keys
    ADD COLUMN IF NOT EXISTS id uuid NOT NULL DEFAULT gen_random_uuid(),
    ADD COLUMN IF NOT EXISTS tenant_id uuid,
    ADD COLUMN IF NOT EXISTS user_id uuid,
    ADD COLUMN IF NOT EXISTS name text NOT NULL DEFAULT '',
    ADD COLUMN IF NOT EXISTS key_prefix text NOT NULL,
    ADD COLUMN IF NOT EXISTS key_hash text NOT NULL,
    ADD COLUMN IF NOT EXISTS scopes jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN IF NOT EXISTS last_used_at timestamptz,
    ADD COLUMN IF NOT EXISTS expires_at timestamptz,
    ADD COLUMN IF NOT EXISTS revoked_at timestamptz,
    ADD COLUMN IF NOT EXISTS created_at timestamptz NOT NULL DEFAULT now();
SELECT pg_temp.ensure_primary_key('api_keys', 'id');
SELECT pg_temp.ensure_reference('api_keys', 'tenant_id', 'tenants', 'id', 'CASCADE');
SELECT pg_temp.ensure_reference('api_keys', 'user_id', 'users', 'id', 'CASCADE');
COMMENT ON TABLE api_keys IS 'Keys of programs that call the API. Written and read by the OIAB API.';
COMMENT ON COLUMN api_keys.id IS 'Key of the row.';
COMMENT ON COLUMN api_keys.tenant_id IS 'Tenant for which it acts.';
COMMENT ON COLUMN api_keys.user_id IS 'User for whom it acts.';
COMMENT ON COLUMN api_keys.name IS 'What it is for.';
COMMENT ON COLUMN api_keys.key_prefix IS 'First characters, to recognise it by.';
COMMENT ON COLUMN api_keys.key_hash IS 'SHA-256 of the key; unique. The key itself is stored nowhere.';
COMMENT ON COLUMN api_keys.scopes IS 'JSON array of what it may do; [] = all that its user may.';
COMMENT ON COLUMN api_keys.last_used_at IS 'Last use.';
COMMENT ON COLUMN api_keys.expires_at IS 'When it expires; NULL = never.';
COMMENT ON COLUMN api_keys.revoked_at IS 'When it was revoked.';
COMMENT ON COLUMN api_keys.created_at IS 'When it was made.';
