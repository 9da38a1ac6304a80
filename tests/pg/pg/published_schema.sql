-- A database as an earlier release of OIAB created it: the published columns only, most of them nullable, and some rows.
CREATE EXTENSION IF NOT EXISTS vector;
CREATE TABLE tenants (id uuid PRIMARY KEY, name text, slug text UNIQUE, entra_tenant_id text UNIQUE, settings jsonb, status text);
CREATE TABLE users (id uuid PRIMARY KEY, handle text UNIQUE, tenant_id uuid REFERENCES tenants (id), email text, display_name text,
                    entra_object_id text, status text);
CREATE TABLE roles (permissions jsonb);
CREATE TABLE user_roles ();
CREATE TABLE entra_sessions ();
CREATE TABLE memories (id uuid PRIMARY KEY, user_id uuid REFERENCES users (id), tenant_id uuid REFERENCES tenants (id), kind text, content text,
                       visibility text, embedding vector(1536), source_session_id text);
CREATE TABLE personas ();
CREATE TABLE jobs (id uuid PRIMARY KEY, kind text, status text, payload jsonb, run_at timestamp, attempts int, max_attempts int DEFAULT 3,
                   dedupe_key text, locked_by text);
CREATE UNIQUE INDEX jobs_dedupe_key_idx ON jobs (dedupe_key) WHERE status = 'pending';
CREATE TABLE orchestrator_plans (status text, plan jsonb, result text);
CREATE TABLE orchestrator_subtasks (index int, dependencies int[], status text, result text);
CREATE TABLE trajectories (tools jsonb, embedding vector(1536), outcome text, reflection text);
CREATE TABLE skills (status text, version int, source_trajectories uuid[]);
CREATE TABLE usage_events (request_id text UNIQUE);
CREATE TABLE audit_log (tenant_id uuid, ts timestamptz);
CREATE INDEX audit_log_idx ON audit_log (tenant_id, ts);
CREATE TABLE sessions_index (template_slug text, template_system_prompt text, template_model_override text, template_snapshot_at timestamptz);
CREATE TABLE agent_templates (tenant_id uuid);
CREATE TABLE providers ();

INSERT INTO tenants VALUES ('00000000-0000-0000-0000-0000000000a1', 'Contoso', 'contoso', 'entra-1', '{"groupRoleMapping": {"g": "admin"}}', 'active'),
                           ('00000000-0000-0000-0000-0000000000a2', 'Fabrikam', 'fabrikam', NULL, NULL, NULL);
INSERT INTO users VALUES ('00000000-0000-0000-0000-0000000000b1', 'alice', '00000000-0000-0000-0000-0000000000a1', 'a@contoso.example', 'Alice', NULL, 'active'),
                         ('00000000-0000-0000-0000-0000000000b2', 'operator', NULL, NULL, NULL, NULL, NULL);
INSERT INTO memories (id, user_id, tenant_id, kind, content, visibility)
    VALUES ('00000000-0000-0000-0000-0000000000c1', '00000000-0000-0000-0000-0000000000b1', '00000000-0000-0000-0000-0000000000a1', 'fact', 'Likes tea', 'private'),
           ('00000000-0000-0000-0000-0000000000c2', '00000000-0000-0000-0000-0000000000b1', '00000000-0000-0000-0000-0000000000a1', NULL, 'Likes rain', NULL);
INSERT INTO jobs (id, kind, status, payload, run_at, attempts, dedupe_key)
    VALUES ('00000000-0000-0000-0000-0000000000d1', 'agent-turn', 'pending', '{"sessionId": "s1"}', '2026-01-02 03:04:05', 0, 'k1'),
           ('00000000-0000-0000-0000-0000000000d2', 'embed-memories', 'completed', '{}', '2026-01-01 00:00:00', 1, 'k2'),
           ('00000000-0000-0000-0000-0000000000d3', 'agent-turn', 'running', '{"sessionId": "s1"}', '2026-01-01 00:00:00', NULL, NULL);
INSERT INTO orchestrator_plans VALUES ('completed', '[]', 'done'), (NULL, NULL, NULL);
INSERT INTO orchestrator_subtasks VALUES (0, NULL, 'completed', 'x');
INSERT INTO trajectories (tools, outcome) VALUES ('[]', 'success');
INSERT INTO skills VALUES ('promoted', 3, NULL);
INSERT INTO usage_events VALUES ('r1');
INSERT INTO audit_log VALUES ('00000000-0000-0000-0000-0000000000a1', '2026-01-01'), (NULL, NULL);
INSERT INTO sessions_index VALUES ('sdr', 'Sell.', '{"providerID": "anthropic", "modelID": "claude-sonnet-4-5"}', '2026-01-01');
INSERT INTO agent_templates VALUES (NULL);
