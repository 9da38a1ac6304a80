-- Runtime schema, second part: conversations. agent_templates, providers, sessions_index, session_messages, session_stream.
--
-- Locks: ACCESS EXCLUSIVE on each table for milliseconds; filling NULLs of old rows writes those rows once.
-- Older binaries: go on working; columns are only added.

CREATE TABLE IF NOT EXISTS agent_templates ();
ALTER TABLE agent_templates
    ADD COLUMN IF NOT EXISTS id uuid DEFAULT gen_random_uuid(),
    ADD COLUMN IF NOT EXISTS tenant_id uuid,
    ADD COLUMN IF NOT EXISTS slug text,
    ADD COLUMN IF NOT EXISTS name text DEFAULT '',
    ADD COLUMN IF NOT EXISTS description text,
    ADD COLUMN IF NOT EXISTS category text,
    ADD COLUMN IF NOT EXISTS system_prompt text DEFAULT '',
    ADD COLUMN IF NOT EXISTS tools jsonb DEFAULT '["*"]',
    ADD COLUMN IF NOT EXISTS model_override jsonb,
    ADD COLUMN IF NOT EXISTS is_published boolean DEFAULT true,
    ADD COLUMN IF NOT EXISTS created_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN IF NOT EXISTS updated_at timestamptz NOT NULL DEFAULT now();
SELECT pg_temp.ensure_default('agent_templates', 'id', 'gen_random_uuid()');
SELECT pg_temp.ensure_primary_key('agent_templates', 'id');
SELECT pg_temp.ensure_reference('agent_templates', 'tenant_id', 'tenants', 'id', 'CASCADE');
SELECT pg_temp.ensure_updated_at('agent_templates');
COMMENT ON TABLE agent_templates IS 'Pre-built agent configurations. Written by the OIAB API; read by the worker when it freezes a session''s template.';
COMMENT ON COLUMN agent_templates.id IS 'Key.';
COMMENT ON COLUMN agent_templates.tenant_id IS 'Tenant that owns the template; NULL = global.';
COMMENT ON COLUMN agent_templates.slug IS 'Name in requests, such as research-analyst; unique within its tenant.';
COMMENT ON COLUMN agent_templates.name IS 'Name to show.';
COMMENT ON COLUMN agent_templates.description IS 'What the agent is for.';
COMMENT ON COLUMN agent_templates.category IS 'Group in which it is listed.';
COMMENT ON COLUMN agent_templates.system_prompt IS 'System prompt that a new session freezes.';
COMMENT ON COLUMN agent_templates.tools IS 'JSON array of tool names; ["*"] = all that the user may use.';
COMMENT ON COLUMN agent_templates.model_override IS '{providerID, modelID}, or NULL for the user''s own choice.';
COMMENT ON COLUMN agent_templates.is_published IS 'Whether users see it.';
COMMENT ON COLUMN agent_templates.created_at IS 'When the template was created.';
COMMENT ON COLUMN agent_templates.updated_at IS 'When the row last changed.';

CREATE TABLE IF NOT EXISTS providers ();
ALTER TABLE providers
    ADD COLUMN IF NOT EXISTS id uuid DEFAULT gen_random_uuid(),
    ADD COLUMN IF NOT EXISTS tenant_id uuid,
    ADD COLUMN IF NOT EXISTS user_id uuid,
    ADD COLUMN IF NOT EXISTS provider text,
    ADD COLUMN IF NOT EXISTS kind text NOT NULL DEFAULT 'openai-compatible',
    ADD COLUMN IF NOT EXISTS display_name text,
    ADD COLUMN IF NOT EXISTS base_url text,
    ADD COLUMN IF NOT EXISTS api_version text,
    ADD COLUMN IF NOT EXISTS credentials text,
    ADD COLUMN IF NOT EXISTS default_model text,
    ADD COLUMN IF NOT EXISTS preferred boolean DEFAULT false,
    ADD COLUMN IF NOT EXISTS enabled boolean NOT NULL DEFAULT true,
    ADD COLUMN IF NOT EXISTS settings jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS models jsonb,
    ADD COLUMN IF NOT EXISTS latency_ms integer,
    ADD COLUMN IF NOT EXISTS checked_at timestamptz,
    ADD COLUMN IF NOT EXISTS last_error text,
    ADD COLUMN IF NOT EXISTS created_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN IF NOT EXISTS updated_at timestamptz NOT NULL DEFAULT now();
SELECT pg_temp.ensure_default('providers', 'id', 'gen_random_uuid()');
SELECT pg_temp.ensure_default('providers', 'preferred', 'false');
SELECT pg_temp.ensure_primary_key('providers', 'id');
SELECT pg_temp.ensure_reference('providers', 'tenant_id', 'tenants', 'id', 'CASCADE');
SELECT pg_temp.ensure_reference('providers', 'user_id', 'users', 'id', 'CASCADE');
SELECT pg_temp.ensure_check('providers', 'providers_kind_check', $$kind IN ('openai-compatible', 'openai', 'azure-openai', 'anthropic')$$);
SELECT pg_temp.ensure_updated_at('providers');
COMMENT ON TABLE providers IS 'Model providers with encrypted credentials, one row per user and provider; a row without a user serves its tenant. Written by the OIAB API; read by the worker, which also records checks.';
COMMENT ON COLUMN providers.id IS 'Key.';
COMMENT ON COLUMN providers.tenant_id IS 'Tenant that the row belongs to; NULL = the installation.';
COMMENT ON COLUMN providers.user_id IS 'User that the row belongs to; NULL = everybody in the tenant.';
COMMENT ON COLUMN providers.provider IS 'Provider id as in {providerID, modelID}, such as openai.';
COMMENT ON COLUMN providers.kind IS 'Protocol: openai-compatible, openai, azure-openai or anthropic.';
COMMENT ON COLUMN providers.display_name IS 'Name to show.';
COMMENT ON COLUMN providers.base_url IS 'Base URL of the API; NULL = the provider''s own.';
COMMENT ON COLUMN providers.api_version IS 'api-version of Azure deployment paths.';
COMMENT ON COLUMN providers.credentials IS 'API key, encrypted (v1:iv:tag:ciphertext, AES-256-GCM); decrypted for the call only.';
COMMENT ON COLUMN providers.default_model IS 'Model to use where the session names none.';
COMMENT ON COLUMN providers.preferred IS 'Whether this row goes before the user''s or tenant''s others.';
COMMENT ON COLUMN providers.enabled IS 'False takes the row out of use.';
COMMENT ON COLUMN providers.settings IS 'Further settings of the protocol.';
COMMENT ON COLUMN providers.models IS 'Models that the last check listed.';
COMMENT ON COLUMN providers.latency_ms IS 'Duration of the last check in milliseconds.';
COMMENT ON COLUMN providers.checked_at IS 'When the credentials were last checked.';
COMMENT ON COLUMN providers.last_error IS 'What the last check said; NULL = it succeeded.';
COMMENT ON COLUMN providers.created_at IS 'When the row was created.';
COMMENT ON COLUMN providers.updated_at IS 'When the row last changed.';

CREATE TABLE IF NOT EXISTS sessions_index ();
ALTER TABLE sessions_index
    ADD COLUMN IF NOT EXISTS session_id text DEFAULT gen_random_uuid()::text,
    ADD COLUMN IF NOT EXISTS user_id uuid,
    ADD COLUMN IF NOT EXISTS tenant_id uuid,
    ADD COLUMN IF NOT EXISTS title text,
    ADD COLUMN IF NOT EXISTS status text NOT NULL DEFAULT 'active',
    ADD COLUMN IF NOT EXISTS purpose text NOT NULL DEFAULT 'chat',
    ADD COLUMN IF NOT EXISTS channel text,
    ADD COLUMN IF NOT EXISTS parent_session_id text,
    ADD COLUMN IF NOT EXISTS persona_id uuid,
    ADD COLUMN IF NOT EXISTS browser_session_id text,
    ADD COLUMN IF NOT EXISTS runtime_session_id text,
    ADD COLUMN IF NOT EXISTS model_choice jsonb,
    ADD COLUMN IF NOT EXISTS template_slug text,
    ADD COLUMN IF NOT EXISTS template_system_prompt text,
    ADD COLUMN IF NOT EXISTS template_model_override jsonb,
    ADD COLUMN IF NOT EXISTS template_tools jsonb,
    ADD COLUMN IF NOT EXISTS template_snapshot_at timestamptz,
    ADD COLUMN IF NOT EXISTS metadata jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS last_message_at timestamptz,
    ADD COLUMN IF NOT EXISTS created_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN IF NOT EXISTS updated_at timestamptz NOT NULL DEFAULT now();
SELECT pg_temp.ensure_default('sessions_index', 'session_id', 'gen_random_uuid()::text');
SELECT pg_temp.ensure_primary_key('sessions_index', 'session_id');
SELECT pg_temp.ensure_reference('sessions_index', 'user_id', 'users', 'id', 'CASCADE');
SELECT pg_temp.ensure_reference('sessions_index', 'tenant_id', 'tenants', 'id', 'CASCADE');
SELECT pg_temp.ensure_check('sessions_index', 'sessions_index_status_check', $$status IN ('active', 'archived', 'deleted')$$);
SELECT pg_temp.ensure_check('sessions_index', 'sessions_index_purpose_check', $$purpose IN ('chat', 'planner', 'subtask', 'dispatch')$$);
SELECT pg_temp.ensure_transitions('sessions_index', ARRAY['active>archived', 'archived>active', 'active>deleted', 'archived>deleted']);
SELECT pg_temp.ensure_updated_at('sessions_index');
COMMENT ON TABLE sessions_index IS 'Sessions and the frozen template behaviour of each. Written by the OIAB API and the gateways, and by the worker for planner and subtask sessions and for snapshots; read by all three.';
COMMENT ON COLUMN sessions_index.session_id IS 'Key; an id of ours or of the agent runtime.';
COMMENT ON COLUMN sessions_index.user_id IS 'Whose session it is.';
COMMENT ON COLUMN sessions_index.tenant_id IS 'Tenant of that user.';
COMMENT ON COLUMN sessions_index.title IS 'Title to show.';
COMMENT ON COLUMN sessions_index.status IS 'active, archived or deleted; only an active session takes turns.';
COMMENT ON COLUMN sessions_index.purpose IS 'chat for people; planner, subtask and dispatch are made by the worker.';
COMMENT ON COLUMN sessions_index.channel IS 'Channel on which it was begun.';
COMMENT ON COLUMN sessions_index.parent_session_id IS 'Session on whose behalf this one works.';
COMMENT ON COLUMN sessions_index.persona_id IS 'Persona that contextualises its memories.';
COMMENT ON COLUMN sessions_index.browser_session_id IS 'Browser session of the local demonstration mode.';
COMMENT ON COLUMN sessions_index.runtime_session_id IS 'Session id in the agent runtime, where it is another.';
COMMENT ON COLUMN sessions_index.model_choice IS '{providerID, modelID} that the user chose for this session.';
COMMENT ON COLUMN sessions_index.template_slug IS 'Provenance only: which template the session started from.';
COMMENT ON COLUMN sessions_index.template_system_prompt IS 'Frozen system prompt for stable re-prompts.';
COMMENT ON COLUMN sessions_index.template_model_override IS 'Frozen {providerID, modelID} for stable re-prompts.';
COMMENT ON COLUMN sessions_index.template_tools IS 'Frozen tool list of the template.';
COMMENT ON COLUMN sessions_index.template_snapshot_at IS 'When the template snapshot was captured.';
COMMENT ON COLUMN sessions_index.metadata IS 'Further facts of the channel.';
COMMENT ON COLUMN sessions_index.last_message_at IS 'When the newest message was appended.';
COMMENT ON COLUMN sessions_index.created_at IS 'When the session was created.';
COMMENT ON COLUMN sessions_index.updated_at IS 'When the row last changed.';

CREATE TABLE IF NOT EXISTS session_messages ();
ALTER TABLE session_messages
    ADD COLUMN IF NOT EXISTS session_id text NOT NULL,
    ADD COLUMN IF NOT EXISTS seq bigint NOT NULL,
    ADD COLUMN IF NOT EXISTS role text NOT NULL,
    ADD COLUMN IF NOT EXISTS content text NOT NULL DEFAULT '',
    ADD COLUMN IF NOT EXISTS parts jsonb,
    ADD COLUMN IF NOT EXISTS tool_calls jsonb,
    ADD COLUMN IF NOT EXISTS tool_call_id text,
    ADD COLUMN IF NOT EXISTS model text,
    ADD COLUMN IF NOT EXISTS job_id uuid,
    ADD COLUMN IF NOT EXISTS step text NOT NULL DEFAULT '',
    ADD COLUMN IF NOT EXISTS ordinal integer NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS metadata jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS created_at timestamptz NOT NULL DEFAULT now();
SELECT pg_temp.ensure_primary_key('session_messages', 'session_id, seq');
SELECT pg_temp.ensure_reference('session_messages', 'session_id', 'sessions_index', 'session_id', 'CASCADE');
SELECT pg_temp.ensure_check('session_messages', 'session_messages_role_check', $$role IN ('system', 'user', 'assistant', 'tool')$$);
COMMENT ON TABLE session_messages IS 'The history of each session, appended once per (job, step, ordinal) however often an attempt repeats. Written by the worker; read by the worker and the OIAB API.';
COMMENT ON COLUMN session_messages.session_id IS 'Session.';
COMMENT ON COLUMN session_messages.seq IS 'Position within the session, from 1, without gaps.';
COMMENT ON COLUMN session_messages.role IS 'system, user, assistant or tool.';
COMMENT ON COLUMN session_messages.content IS 'Text of the message.';
COMMENT ON COLUMN session_messages.parts IS 'Content blocks as the provider sent them, where text alone would lose something.';
COMMENT ON COLUMN session_messages.tool_calls IS 'JSON array [{id, name, arguments}] of an assistant message.';
COMMENT ON COLUMN session_messages.tool_call_id IS 'Call that a tool message answers.';
COMMENT ON COLUMN session_messages.model IS 'Model that wrote it.';
COMMENT ON COLUMN session_messages.job_id IS 'Job that appended it; NULL when the API did.';
COMMENT ON COLUMN session_messages.step IS 'Durable step of that job.';
COMMENT ON COLUMN session_messages.ordinal IS 'Position among the messages of the step.';
COMMENT ON COLUMN session_messages.metadata IS 'Further facts, such as the runtime that answered.';
COMMENT ON COLUMN session_messages.created_at IS 'When it was appended.';

CREATE TABLE IF NOT EXISTS session_stream ();
ALTER TABLE session_stream
    ADD COLUMN IF NOT EXISTS session_id text NOT NULL,
    ADD COLUMN IF NOT EXISTS job_id uuid NOT NULL,
    ADD COLUMN IF NOT EXISTS position bigint NOT NULL,
    ADD COLUMN IF NOT EXISTS delta text NOT NULL,
    ADD COLUMN IF NOT EXISTS created_at timestamptz NOT NULL DEFAULT now();
SELECT pg_temp.ensure_primary_key('session_stream', 'session_id, job_id, position');
SELECT pg_temp.ensure_reference('session_stream', 'session_id', 'sessions_index', 'session_id', 'CASCADE');
COMMENT ON TABLE session_stream IS 'Pieces of an answer while it is being written, for those who stream; removed some time after the turn. Written by the worker, read by the OIAB API.';
COMMENT ON COLUMN session_stream.session_id IS 'Session.';
COMMENT ON COLUMN session_stream.job_id IS 'The turn.';
COMMENT ON COLUMN session_stream.position IS 'Offset of the piece in the answer, in bytes of UTF-8; a reader resumes here.';
COMMENT ON COLUMN session_stream.delta IS 'The piece.';
COMMENT ON COLUMN session_stream.created_at IS 'When it was written.';
