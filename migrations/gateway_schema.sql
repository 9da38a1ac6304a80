-- Gateways and how people pair with them: gateways, gateway_paired_users, gateway_pairing_codes.
--
-- Locks: ACCESS EXCLUSIVE on each table for milliseconds.
-- Older binaries: go on working; columns are only added.

CREATE TABLE IF NOT EXISTS gateways ();
ALTER TABLE gateways
    ADD COLUMN IF NOT EXISTS id uuid NOT NULL DEFAULT gen_random_uuid(),
    ADD COLUMN IF NOT EXISTS tenant_id uuid,
    ADD COLUMN IF NOT EXISTS kind text NOT NULL,
    ADD COLUMN IF NOT EXISTS name text NOT NULL DEFAULT '',
    ADD COLUMN IF NOT EXISTS bot_username text,
    ADD COLUMN IF NOT EXISTS bot_id text,
    ADD COLUMN IF NOT EXISTS bot_token text,
    ADD COLUMN IF NOT EXISTS webhook_url text NOT NULL DEFAULT '',
    ADD COLUMN IF NOT EXISTS webhook_secret text,
    ADD COLUMN IF NOT EXISTS enabled boolean NOT NULL DEFAULT true,
    ADD COLUMN IF NOT EXISTS created_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN IF NOT EXISTS updated_at timestamptz NOT NULL DEFAULT now();
SELECT pg_temp.ensure_primary_key('gateways', 'id');
SELECT pg_temp.ensure_reference('gateways', 'tenant_id', 'tenants', 'id', 'CASCADE');
SELECT pg_temp.ensure_check('gateways', 'gateways_kind_check', $$kind IN ('telegram', 'teams')$$);
SELECT pg_temp.ensure_updated_at('gateways');
COMMENT ON TABLE gateways IS 'Bots that people talk to. Written by the OIAB API, read by the gateways.';
COMMENT ON COLUMN gateways.id IS 'Key.';
COMMENT ON COLUMN gateways.tenant_id IS 'Tenant.';
COMMENT ON COLUMN gateways.kind IS 'telegram or teams.';
COMMENT ON COLUMN gateways.name IS 'Name to show.';
COMMENT ON COLUMN gateways.bot_username IS 'User name of the bot.';
COMMENT ON COLUMN gateways.bot_id IS 'Id of the bot on its platform.';
COMMENT ON COLUMN gateways.bot_token IS 'Token of the bot, encrypted (v1:iv:tag:ciphertext); never returned.';
COMMENT ON COLUMN gateways.webhook_url IS 'Where the platform delivers messages; empty = not set.';
COMMENT ON COLUMN gateways.webhook_secret IS 'Secret of the webhook, encrypted (v1:iv:tag:ciphertext); never returned.';
COMMENT ON COLUMN gateways.enabled IS 'False stops the gateway.';
COMMENT ON COLUMN gateways.created_at IS 'When it was created.';
COMMENT ON COLUMN gateways.updated_at IS 'When the row last changed.';

CREATE TABLE IF NOT EXISTS gateway_paired_users ();
ALTER TABLE gateway_paired_users
    ADD COLUMN IF NOT EXISTS id uuid NOT NULL DEFAULT gen_random_uuid(),
    ADD COLUMN IF NOT EXISTS gateway_id uuid NOT NULL,
    ADD COLUMN IF NOT EXISTS external_id text NOT NULL,
    ADD COLUMN IF NOT EXISTS user_id uuid,
    ADD COLUMN IF NOT EXISTS display_name text,
    ADD COLUMN IF NOT EXISTS approved_by uuid,
    ADD COLUMN IF NOT EXISTS created_at timestamptz NOT NULL DEFAULT now();
SELECT pg_temp.ensure_primary_key('gateway_paired_users', 'id');
SELECT pg_temp.ensure_reference('gateway_paired_users', 'gateway_id', 'gateways', 'id', 'CASCADE');
SELECT pg_temp.ensure_reference('gateway_paired_users', 'user_id', 'users', 'id', 'CASCADE');
COMMENT ON TABLE gateway_paired_users IS 'Who may talk to a gateway. Written by oiab_approve_pairing_code for the OIAB API; read by the gateways before they enqueue a job.';
COMMENT ON COLUMN gateway_paired_users.id IS 'Key.';
COMMENT ON COLUMN gateway_paired_users.gateway_id IS 'Gateway; deleting it takes the row along.';
COMMENT ON COLUMN gateway_paired_users.external_id IS 'Person on the platform; unique within the gateway.';
COMMENT ON COLUMN gateway_paired_users.user_id IS 'User here, where known.';
COMMENT ON COLUMN gateway_paired_users.display_name IS 'Name on the platform.';
COMMENT ON COLUMN gateway_paired_users.approved_by IS 'User who approved the code.';
COMMENT ON COLUMN gateway_paired_users.created_at IS 'When the code was approved.';

CREATE OR REPLACE FUNCTION oiab_new_pairing_code() RETURNS text LANGUAGE sql VOLATILE AS $$
    -- 32 symbols, so five bits of each random byte choose one without bias.
    SELECT string_agg(substr('ABCDEFGHJKLMNPQRSTUVWXYZ23456789', (get_byte(bytes, position) & 31) + 1, 1), '')
    FROM (SELECT gen_random_bytes(8) AS bytes) AS random, generate_series(0, 7) AS position
$$;
COMMENT ON FUNCTION oiab_new_pairing_code() IS 'A random pairing code of 8 characters without look-alikes.';

CREATE TABLE IF NOT EXISTS gateway_pairing_codes ();
ALTER TABLE gateway_pairing_codes
    ADD COLUMN IF NOT EXISTS code text NOT NULL DEFAULT oiab_new_pairing_code(),
    ADD COLUMN IF NOT EXISTS gateway_id uuid NOT NULL,
    ADD COLUMN IF NOT EXISTS external_id text NOT NULL,
    ADD COLUMN IF NOT EXISTS display_name text,
    ADD COLUMN IF NOT EXISTS created_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN IF NOT EXISTS expires_at timestamptz NOT NULL DEFAULT now() + interval '1 hour',
    ADD COLUMN IF NOT EXISTS consumed_at timestamptz;
SELECT pg_temp.ensure_primary_key('gateway_pairing_codes', 'gateway_id, code');
SELECT pg_temp.ensure_reference('gateway_pairing_codes', 'gateway_id', 'gateways', 'id', 'CASCADE');
SELECT pg_temp.ensure_check('gateway_pairing_codes', 'gateway_pairing_codes_code_check', $$code ~ '^[A-HJ-NP-Z2-9]{8}$'$$);
SELECT pg_temp.ensure_check('gateway_pairing_codes', 'gateway_pairing_codes_hour_check', $$expires_at <= created_at + interval '1 hour'$$);
COMMENT ON TABLE gateway_pairing_codes IS 'Codes by which a person asks to be paired. Written by the gateways, approved by the OIAB API; NOTIFY orginabox_gateway_events tells of both.';
COMMENT ON COLUMN gateway_pairing_codes.code IS '8 characters from ABCDEFGHJKLMNPQRSTUVWXYZ23456789; unique within the gateway.';
COMMENT ON COLUMN gateway_pairing_codes.gateway_id IS 'Gateway; deleting it takes the row along.';
COMMENT ON COLUMN gateway_pairing_codes.external_id IS 'Person on the platform who asked.';
COMMENT ON COLUMN gateway_pairing_codes.display_name IS 'Name on the platform.';
COMMENT ON COLUMN gateway_pairing_codes.created_at IS 'When it was asked for.';
COMMENT ON COLUMN gateway_pairing_codes.expires_at IS 'One hour later, at most.';
COMMENT ON COLUMN gateway_pairing_codes.consumed_at IS 'When it was approved; a code serves once.';
