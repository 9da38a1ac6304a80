-- Runtime schema: model calls that are under way, and what is set aside for them. usage_reservations.
--
-- Locks: ACCESS EXCLUSIVE on the table for milliseconds.
-- Older binaries: go on working; they set nothing aside, so that calls of theirs which run at once may pass a limit together.

CREATE TABLE IF NOT EXISTS usage_reservations ();
ALTER TABLE usage_reservations
    ADD COLUMN IF NOT EXISTS request_id text NOT NULL,
    ADD COLUMN IF NOT EXISTS job_id uuid NOT NULL,
    ADD COLUMN IF NOT EXISTS lease_epoch bigint NOT NULL,
    ADD COLUMN IF NOT EXISTS tenant_id uuid,
    ADD COLUMN IF NOT EXISTS user_id uuid,
    ADD COLUMN IF NOT EXISTS session_id text,
    ADD COLUMN IF NOT EXISTS purpose text NOT NULL DEFAULT 'chat',
    ADD COLUMN IF NOT EXISTS provider text,
    ADD COLUMN IF NOT EXISTS model text,
    ADD COLUMN IF NOT EXISTS input_tokens bigint NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS estimate_usd numeric(16, 8) NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS reserved_usd numeric(16, 8) NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS created_at timestamptz NOT NULL DEFAULT now();
SELECT pg_temp.ensure_primary_key('usage_reservations', 'request_id');
SELECT pg_temp.ensure_check('usage_reservations', 'usage_reservations_amounts_check',
    'input_tokens >= 0 AND estimate_usd >= 0 AND reserved_usd >= 0');
COMMENT ON TABLE usage_reservations IS 'Model calls that are under way, with what is set aside for each; a row lives as long as its call. One whose attempt is over was lost and becomes an uncertain row of usage_events. Written and read by the worker.';
COMMENT ON COLUMN usage_reservations.request_id IS 'Idempotency key of the call, as in usage_events; key.';
COMMENT ON COLUMN usage_reservations.job_id IS 'Job of the call. No foreign key: a call may outlive its job''s row.';
COMMENT ON COLUMN usage_reservations.lease_epoch IS 'Attempt of the call: the reservation holds while the job runs under this epoch.';
COMMENT ON COLUMN usage_reservations.tenant_id IS 'Tenant whose budget it counts against.';
COMMENT ON COLUMN usage_reservations.user_id IS 'User whose budget it counts against.';
COMMENT ON COLUMN usage_reservations.session_id IS 'Session of the call.';
COMMENT ON COLUMN usage_reservations.purpose IS 'What the call is for, as in usage_events.';
COMMENT ON COLUMN usage_reservations.provider IS 'Provider id.';
COMMENT ON COLUMN usage_reservations.model IS 'Model id.';
COMMENT ON COLUMN usage_reservations.input_tokens IS 'Tokens sent, by estimate.';
COMMENT ON COLUMN usage_reservations.estimate_usd IS 'What the call is charged with in US dollars should its answer be lost.';
COMMENT ON COLUMN usage_reservations.reserved_usd IS 'What the call can cost at most, in US dollars.';
COMMENT ON COLUMN usage_reservations.created_at IS 'When the call began.';
