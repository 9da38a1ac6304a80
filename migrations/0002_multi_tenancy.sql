-- Reference for operators, never run: the multi-tenancy slice of the schema as plain SQL, to compare a database with. The source of truth are
-- the files listed in migrations.cmake.

CREATE TABLE tenants (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name            text NOT NULL DEFAULT '',
    slug            text UNIQUE,
    entra_tenant_id text UNIQUE,
    settings        jsonb NOT NULL DEFAULT '{}',
    status          text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended', 'deleted'))
);

ALTER TABLE users ADD COLUMN tenant_id uuid REFERENCES tenants (id) ON DELETE CASCADE;     -- NULL = single-operator
ALTER TABLE roles ADD COLUMN tenant_id uuid REFERENCES tenants (id) ON DELETE CASCADE;
ALTER TABLE user_roles ADD COLUMN tenant_id uuid REFERENCES tenants (id) ON DELETE CASCADE;
ALTER TABLE memories ADD COLUMN tenant_id uuid REFERENCES tenants (id) ON DELETE CASCADE;
ALTER TABLE sessions_index ADD COLUMN tenant_id uuid REFERENCES tenants (id) ON DELETE CASCADE;
ALTER TABLE agent_templates ADD COLUMN tenant_id uuid REFERENCES tenants (id) ON DELETE CASCADE;   -- NULL = global
ALTER TABLE providers ADD COLUMN tenant_id uuid REFERENCES tenants (id) ON DELETE CASCADE;
ALTER TABLE skills ADD COLUMN tenant_id uuid REFERENCES tenants (id) ON DELETE CASCADE;
ALTER TABLE trajectories ADD COLUMN tenant_id uuid REFERENCES tenants (id) ON DELETE CASCADE;
ALTER TABLE orchestrator_plans ADD COLUMN tenant_id uuid REFERENCES tenants (id) ON DELETE CASCADE;
ALTER TABLE jobs ADD COLUMN tenant_id uuid;            -- no foreign key: a job outlives what it was for
ALTER TABLE usage_events ADD COLUMN tenant_id uuid;    -- likewise: what was spent stays on record
ALTER TABLE audit_log ADD COLUMN tenant_id uuid;       -- likewise
CREATE INDEX audit_log_tenant_ts_idx ON audit_log (tenant_id, ts);

-- Each of them, for roles that do not own the tables:
ALTER TABLE memories ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON memories
    USING (tenant_id = nullif(current_setting('oiab.tenant_id', true), '')::uuid);
