-- Indexes of every table but jobs and its companions, one statement each. On a table with many rows the migrator builds them
-- CONCURRENTLY after its transaction, and clears away what a failed build left behind.
--
-- Locks: SHARE on a small table while its index is built; SHARE UPDATE EXCLUSIVE on a large one. Older binaries: go on working.

-- Names that the published schema keeps unique.
CREATE UNIQUE INDEX IF NOT EXISTS tenants_slug_key ON tenants (slug);
CREATE UNIQUE INDEX IF NOT EXISTS tenants_entra_tenant_id_key ON tenants (entra_tenant_id);
CREATE UNIQUE INDEX IF NOT EXISTS users_handle_key ON users (handle);
CREATE UNIQUE INDEX IF NOT EXISTS usage_events_request_id_key ON usage_events (request_id);

-- Identity.
CREATE INDEX IF NOT EXISTS users_tenant_idx ON users (tenant_id);
CREATE INDEX IF NOT EXISTS users_entra_idx ON users (entra_object_id) WHERE entra_object_id IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS roles_tenant_name_key ON roles (tenant_id, name);
CREATE INDEX IF NOT EXISTS user_roles_role_idx ON user_roles (role_id);
CREATE INDEX IF NOT EXISTS user_roles_tenant_idx ON user_roles (tenant_id);
CREATE INDEX IF NOT EXISTS entra_sessions_user_idx ON entra_sessions (user_id);
CREATE UNIQUE INDEX IF NOT EXISTS channel_links_external_key ON channel_links (channel, external_id);
CREATE INDEX IF NOT EXISTS channel_links_user_idx ON channel_links (user_id);

-- Conversations. One provider row per user and provider, and one per tenant and provider for those that serve everybody.
CREATE UNIQUE INDEX IF NOT EXISTS agent_templates_slug_key ON agent_templates (tenant_id, slug) NULLS NOT DISTINCT;
CREATE UNIQUE INDEX IF NOT EXISTS providers_user_provider_key ON providers (user_id, provider) WHERE user_id IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS providers_tenant_provider_key ON providers (tenant_id, provider) NULLS NOT DISTINCT WHERE user_id IS NULL;
CREATE INDEX IF NOT EXISTS sessions_index_user_idx ON sessions_index (user_id, updated_at DESC);
CREATE INDEX IF NOT EXISTS sessions_index_parent_idx ON sessions_index (parent_session_id) WHERE parent_session_id IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS session_messages_step_key ON session_messages (session_id, job_id, step, ordinal) WHERE job_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS session_stream_created_idx ON session_stream (created_at);

-- Memory and learning. memories_backfill_idx serves the backfill: rows without an embedding, or with one of another model, oldest first;
-- memories_tenant_backfill_idx the same for one tenant, so that its jobs do not walk through everybody's backlog.
CREATE UNIQUE INDEX IF NOT EXISTS personas_user_name_key ON personas (user_id, name);
CREATE UNIQUE INDEX IF NOT EXISTS memories_idempotency_key ON memories (idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX IF NOT EXISTS memories_user_idx ON memories (user_id, created_at DESC);
CREATE INDEX IF NOT EXISTS memories_shared_idx ON memories (tenant_id, created_at DESC) WHERE visibility <> 'private';
CREATE INDEX IF NOT EXISTS memories_backfill_idx ON memories (embedding_model, created_at, id) WHERE embedding_skipped IS NULL;
CREATE INDEX IF NOT EXISTS memories_tenant_backfill_idx ON memories (tenant_id, embedding_model, created_at, id) WHERE embedding_skipped IS NULL;
CREATE INDEX IF NOT EXISTS memories_preference_idx ON memories (user_id) WHERE kind = 'preference';
CREATE INDEX IF NOT EXISTS memories_claimed_idx ON memories (embedding_claimed_by) WHERE embedding_claimed_until IS NOT NULL;
CREATE INDEX IF NOT EXISTS embedding_cache_used_idx ON embedding_cache (last_used_at);
CREATE UNIQUE INDEX IF NOT EXISTS trajectories_job_key ON trajectories (job_id) WHERE job_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS trajectories_tenant_idx ON trajectories (tenant_id, created_at DESC);
CREATE INDEX IF NOT EXISTS skills_tenant_status_idx ON skills (tenant_id, status);
CREATE UNIQUE INDEX IF NOT EXISTS skills_cluster_key ON skills (tenant_id, cluster_key) NULLS NOT DISTINCT WHERE cluster_key IS NOT NULL;

-- Analytics. Budgets sum cost_usd before every call of a model, from the indexes alone.
CREATE INDEX IF NOT EXISTS usage_events_user_cost_idx ON usage_events (user_id, created_at) INCLUDE (cost_usd);
CREATE INDEX IF NOT EXISTS usage_events_tenant_cost_idx ON usage_events (tenant_id, created_at) INCLUDE (cost_usd);
CREATE INDEX IF NOT EXISTS usage_events_job_cost_idx ON usage_events (job_id) INCLUDE (cost_usd) WHERE job_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS usage_reservations_user_idx ON usage_reservations (user_id);
CREATE INDEX IF NOT EXISTS usage_reservations_tenant_idx ON usage_reservations (tenant_id);
CREATE INDEX IF NOT EXISTS usage_reservations_job_idx ON usage_reservations (job_id);
CREATE UNIQUE INDEX IF NOT EXISTS tool_events_event_key ON tool_events (event_key) WHERE event_key IS NOT NULL;
CREATE INDEX IF NOT EXISTS tool_events_tenant_idx ON tool_events (tenant_id, created_at);
CREATE INDEX IF NOT EXISTS audit_log_tenant_ts_idx ON audit_log (tenant_id, ts);
CREATE INDEX IF NOT EXISTS audit_log_ts_idx ON audit_log (ts);
CREATE UNIQUE INDEX IF NOT EXISTS audit_log_entry_key ON audit_log (entry_key) WHERE entry_key IS NOT NULL;

-- Orchestration.
CREATE INDEX IF NOT EXISTS orchestrator_plans_user_idx ON orchestrator_plans (user_id, created_at DESC);
CREATE INDEX IF NOT EXISTS orchestrator_plans_synthesize_job_idx ON orchestrator_plans (synthesize_job_id) WHERE synthesize_job_id IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS orchestrator_subtasks_plan_index_key ON orchestrator_subtasks (plan_id, index);
CREATE INDEX IF NOT EXISTS orchestrator_subtasks_job_idx ON orchestrator_subtasks (job_id) WHERE job_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS dispatches_user_idx ON dispatches (user_id, created_at DESC);
CREATE INDEX IF NOT EXISTS dispatch_members_job_idx ON dispatch_members (job_id) WHERE job_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS dispatches_synthesize_job_idx ON dispatches (synthesize_job_id) WHERE synthesize_job_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS triggers_due_idx ON triggers (next_fire_at) WHERE enabled AND kind = 'cron';

-- Platform.
CREATE UNIQUE INDEX IF NOT EXISTS platform_admins_email_key ON platform_admins (email);
CREATE UNIQUE INDEX IF NOT EXISTS platform_sessions_token_key ON platform_sessions (token_hash);
CREATE INDEX IF NOT EXISTS platform_audit_log_ts_idx ON platform_audit_log (ts);
CREATE UNIQUE INDEX IF NOT EXISTS tenant_invitations_token_key ON tenant_invitations (token_hash);
CREATE INDEX IF NOT EXISTS tenant_invitations_tenant_idx ON tenant_invitations (tenant_id);
CREATE INDEX IF NOT EXISTS tenant_domains_tenant_idx ON tenant_domains (tenant_id);
CREATE UNIQUE INDEX IF NOT EXISTS feature_flags_key_key ON feature_flags (key, tenant_id) NULLS NOT DISTINCT;
CREATE UNIQUE INDEX IF NOT EXISTS api_keys_hash_key ON api_keys (key_hash);

-- Gateways.
CREATE INDEX IF NOT EXISTS gateways_tenant_idx ON gateways (tenant_id);
CREATE UNIQUE INDEX IF NOT EXISTS gateway_paired_users_external_key ON gateway_paired_users (gateway_id, external_id);
CREATE INDEX IF NOT EXISTS gateway_pairing_codes_waiting_idx ON gateway_pairing_codes (gateway_id, created_at);

-- Indexes of earlier releases that others have taken the place of. They go once those are valid: on a large table, whose indexes are
-- built after this transaction, when the migrations run the next time.
DO $$
DECLARE
    replaced record;
BEGIN
    FOR replaced IN
        SELECT format('%I.%I', current_schema(), w.former) AS former
        FROM (VALUES ('usage_events_user_idx', 'usage_events_user_cost_idx'),
                     ('usage_events_tenant_idx', 'usage_events_tenant_cost_idx'),
                     ('usage_events_job_idx', 'usage_events_job_cost_idx')) AS w (former, present)
        JOIN pg_index i ON i.indexrelid = to_regclass(format('%I.%I', current_schema(), w.present)) AND i.indisvalid
        WHERE to_regclass(format('%I.%I', current_schema(), w.former)) IS NOT NULL
    LOOP
        EXECUTE 'DROP INDEX ' || replaced.former;
    END LOOP;
END $$;
