-- Runtime schema, fourth part: what was used and what was done. usage_events, tool_events, audit_log.
--
-- Locks: ACCESS EXCLUSIVE on each table for milliseconds.
-- Older binaries: go on working; columns are only added.

CREATE TABLE IF NOT EXISTS usage_events ();
ALTER TABLE usage_events
    ADD COLUMN IF NOT EXISTS id uuid DEFAULT gen_random_uuid(),
    ADD COLUMN IF NOT EXISTS request_id text,
    ADD COLUMN IF NOT EXISTS tenant_id uuid,
    ADD COLUMN IF NOT EXISTS user_id uuid,
    ADD COLUMN IF NOT EXISTS session_id text,
    ADD COLUMN IF NOT EXISTS job_id uuid,
    ADD COLUMN IF NOT EXISTS purpose text NOT NULL DEFAULT 'chat',
    ADD COLUMN IF NOT EXISTS provider text,
    ADD COLUMN IF NOT EXISTS model text,
    ADD COLUMN IF NOT EXISTS input_tokens bigint NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS output_tokens bigint NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS cache_read_tokens bigint NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS cache_write_tokens bigint NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS reasoning_tokens bigint NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS cost_usd numeric(16, 8) NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS uncertain boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS duration_ms integer,
    ADD COLUMN IF NOT EXISTS created_at timestamptz NOT NULL DEFAULT now();
SELECT pg_temp.ensure_default('usage_events', 'id', 'gen_random_uuid()');
SELECT pg_temp.ensure_primary_key('usage_events', 'id');
SELECT pg_temp.ensure_check('usage_events', 'usage_events_amounts_check',
    'input_tokens >= 0 AND output_tokens >= 0 AND cache_read_tokens >= 0 AND cache_write_tokens >= 0 AND reasoning_tokens >= 0 AND cost_usd >= 0');
COMMENT ON TABLE usage_events IS 'Tokens and cost of each model call. Written by the worker, once per request_id however often an attempt repeats; read by the worker (budgets) and the OIAB API.';
COMMENT ON COLUMN usage_events.id IS 'Key.';
COMMENT ON COLUMN usage_events.request_id IS 'Idempotency key of the call: <job id>:<step>, or <its session in the sandbox>:<message> for a subagent there, whose session later turns may resume; unique, so that retries never count twice.';
COMMENT ON COLUMN usage_events.tenant_id IS 'Tenant that is charged. No foreign key: what was spent stays on record.';
COMMENT ON COLUMN usage_events.user_id IS 'User whose budget it counts against.';
COMMENT ON COLUMN usage_events.session_id IS 'Session of the call.';
COMMENT ON COLUMN usage_events.job_id IS 'Job of the call.';
COMMENT ON COLUMN usage_events.purpose IS 'What the call was for: chat, plan, subtask, dispatch, synthesize, embedding, reflection.';
COMMENT ON COLUMN usage_events.provider IS 'Provider id.';
COMMENT ON COLUMN usage_events.model IS 'Model id.';
COMMENT ON COLUMN usage_events.input_tokens IS 'Tokens sent, cached ones not included.';
COMMENT ON COLUMN usage_events.output_tokens IS 'Tokens received, reasoning included.';
COMMENT ON COLUMN usage_events.cache_read_tokens IS 'Tokens served from the provider''s cache.';
COMMENT ON COLUMN usage_events.cache_write_tokens IS 'Tokens written to the provider''s cache.';
COMMENT ON COLUMN usage_events.reasoning_tokens IS 'Reasoning part of output_tokens.';
COMMENT ON COLUMN usage_events.cost_usd IS 'Cost in US dollars, by the provider''s own figure or by model_prices.';
COMMENT ON COLUMN usage_events.uncertain IS 'True for an estimate: the call was in flight when its attempt ended.';
COMMENT ON COLUMN usage_events.duration_ms IS 'Duration of the call in milliseconds.';
COMMENT ON COLUMN usage_events.created_at IS 'When it was recorded; budgets sum over the calendar month in UTC.';

CREATE TABLE IF NOT EXISTS tool_events ();
ALTER TABLE tool_events
    ADD COLUMN IF NOT EXISTS id uuid NOT NULL DEFAULT gen_random_uuid(),
    ADD COLUMN IF NOT EXISTS event_key text,
    ADD COLUMN IF NOT EXISTS tenant_id uuid,
    ADD COLUMN IF NOT EXISTS user_id uuid,
    ADD COLUMN IF NOT EXISTS session_id text,
    ADD COLUMN IF NOT EXISTS job_id uuid,
    ADD COLUMN IF NOT EXISTS tool text NOT NULL,
    ADD COLUMN IF NOT EXISTS outcome text NOT NULL DEFAULT 'success',
    ADD COLUMN IF NOT EXISTS input_hash text,
    ADD COLUMN IF NOT EXISTS output_hash text,
    ADD COLUMN IF NOT EXISTS duration_ms integer,
    ADD COLUMN IF NOT EXISTS error text,
    ADD COLUMN IF NOT EXISTS created_at timestamptz NOT NULL DEFAULT now();
SELECT pg_temp.ensure_primary_key('tool_events', 'id');
SELECT pg_temp.ensure_check('tool_events', 'tool_events_outcome_check', $$outcome IN ('success', 'failure', 'denied')$$);
COMMENT ON TABLE tool_events IS 'Executions of tools, for analytics. Written by the worker (turns, job kind analytics-write), read by the OIAB API.';
COMMENT ON COLUMN tool_events.id IS 'Key.';
COMMENT ON COLUMN tool_events.event_key IS 'Key by which the producer makes it idempotent; unique.';
COMMENT ON COLUMN tool_events.tenant_id IS 'Tenant.';
COMMENT ON COLUMN tool_events.user_id IS 'User on whose behalf the tool ran.';
COMMENT ON COLUMN tool_events.session_id IS 'Session.';
COMMENT ON COLUMN tool_events.job_id IS 'Job.';
COMMENT ON COLUMN tool_events.tool IS 'Name of the tool.';
COMMENT ON COLUMN tool_events.outcome IS 'success, failure or denied.';
COMMENT ON COLUMN tool_events.input_hash IS 'SHA-256 of the input, in hexadecimal.';
COMMENT ON COLUMN tool_events.output_hash IS 'SHA-256 of the output, in hexadecimal.';
COMMENT ON COLUMN tool_events.duration_ms IS 'Duration in milliseconds.';
COMMENT ON COLUMN tool_events.error IS 'What went wrong.';
COMMENT ON COLUMN tool_events.created_at IS 'When it was recorded.';

CREATE TABLE IF NOT EXISTS audit_log ();
ALTER TABLE audit_log
    ADD COLUMN IF NOT EXISTS id uuid DEFAULT gen_random_uuid(),
    ADD COLUMN IF NOT EXISTS ts timestamptz DEFAULT now(),
    ADD COLUMN IF NOT EXISTS tenant_id uuid,
    ADD COLUMN IF NOT EXISTS user_id uuid,
    ADD COLUMN IF NOT EXISTS actor text,
    ADD COLUMN IF NOT EXISTS action text,
    ADD COLUMN IF NOT EXISTS target text,
    ADD COLUMN IF NOT EXISTS session_id text,
    ADD COLUMN IF NOT EXISTS channel text,
    ADD COLUMN IF NOT EXISTS ip_address text,
    ADD COLUMN IF NOT EXISTS user_agent text,
    ADD COLUMN IF NOT EXISTS duration_ms integer,
    ADD COLUMN IF NOT EXISTS payload jsonb,
    ADD COLUMN IF NOT EXISTS entry_key text;
SELECT pg_temp.ensure_default('audit_log', 'id', 'gen_random_uuid()');
SELECT pg_temp.ensure_default('audit_log', 'ts', 'now()');
SELECT pg_temp.ensure_primary_key('audit_log', 'id');
COMMENT ON TABLE audit_log IS 'Compliance log, append-only by trigger; the retention routine alone removes entries, 1 or 2 years old. Written by the worker and the OIAB API, read by the OIAB API. No foreign keys: entries outlive what they tell of.';
COMMENT ON COLUMN audit_log.id IS 'Key.';
COMMENT ON COLUMN audit_log.ts IS 'When it happened.';
COMMENT ON COLUMN audit_log.tenant_id IS 'Tenant.';
COMMENT ON COLUMN audit_log.user_id IS 'User.';
COMMENT ON COLUMN audit_log.actor IS 'user:<id>, system or agent:<session id>.';
COMMENT ON COLUMN audit_log.action IS 'Dotted name, such as agent.prompt; the part before the dot decides the retention.';
COMMENT ON COLUMN audit_log.target IS 'What was acted upon.';
COMMENT ON COLUMN audit_log.session_id IS 'Session.';
COMMENT ON COLUMN audit_log.channel IS 'Channel.';
COMMENT ON COLUMN audit_log.ip_address IS 'Address of the client.';
COMMENT ON COLUMN audit_log.user_agent IS 'User agent of the client.';
COMMENT ON COLUMN audit_log.duration_ms IS 'Duration in milliseconds.';
COMMENT ON COLUMN audit_log.payload IS 'Further facts; hashes rather than contents.';
COMMENT ON COLUMN audit_log.entry_key IS 'Key of the step that wrote it, so that a repeated attempt writes it once; unique.';
