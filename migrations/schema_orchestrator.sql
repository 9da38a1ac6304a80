-- Runtime schema, last part: work that fans out and work that recurs. orchestrator_plans, orchestrator_subtasks, dispatches,
-- dispatch_members, triggers.
--
-- Locks: ACCESS EXCLUSIVE on each table for milliseconds; filling NULLs of old rows writes those rows once.
-- Older binaries: go on working; columns are only added.

CREATE TABLE IF NOT EXISTS orchestrator_plans ();
ALTER TABLE orchestrator_plans
    ADD COLUMN IF NOT EXISTS id uuid DEFAULT gen_random_uuid(),
    ADD COLUMN IF NOT EXISTS tenant_id uuid,
    ADD COLUMN IF NOT EXISTS user_id uuid,
    ADD COLUMN IF NOT EXISTS parent_session_id text,
    ADD COLUMN IF NOT EXISTS planner_session_id text,
    ADD COLUMN IF NOT EXISTS job_id uuid,
    ADD COLUMN IF NOT EXISTS synthesize_job_id uuid,
    ADD COLUMN IF NOT EXISTS task_description text DEFAULT '',
    ADD COLUMN IF NOT EXISTS max_subtasks integer NOT NULL DEFAULT 5,
    ADD COLUMN IF NOT EXISTS on_failure text NOT NULL DEFAULT 'fail',
    ADD COLUMN IF NOT EXISTS status text DEFAULT 'planning',
    ADD COLUMN IF NOT EXISTS plan jsonb,
    ADD COLUMN IF NOT EXISTS result text,
    ADD COLUMN IF NOT EXISTS error text,
    ADD COLUMN IF NOT EXISTS created_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN IF NOT EXISTS updated_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN IF NOT EXISTS completed_at timestamptz;
SELECT pg_temp.ensure_default('orchestrator_plans', 'id', 'gen_random_uuid()');
SELECT pg_temp.ensure_default('orchestrator_plans', 'status', '''planning''');
SELECT pg_temp.ensure_primary_key('orchestrator_plans', 'id');
SELECT pg_temp.ensure_reference('orchestrator_plans', 'tenant_id', 'tenants', 'id', 'CASCADE');
SELECT pg_temp.ensure_reference('orchestrator_plans', 'user_id', 'users', 'id', 'CASCADE');
SELECT pg_temp.ensure_check('orchestrator_plans', 'orchestrator_plans_status_check',
    $$status IN ('planning', 'executing', 'synthesizing', 'completed', 'failed')$$);
SELECT pg_temp.ensure_check('orchestrator_plans', 'orchestrator_plans_on_failure_check', $$on_failure IN ('fail', 'partial')$$);
SELECT pg_temp.ensure_transitions('orchestrator_plans', ARRAY['planning>executing', 'executing>synthesizing', 'synthesizing>completed',
    'planning>failed', 'executing>failed', 'synthesizing>failed']);
SELECT pg_temp.ensure_updated_at('orchestrator_plans');
COMMENT ON TABLE orchestrator_plans IS 'One row per complex task that is split up. Written by the worker; read by the worker and the OIAB API.';
COMMENT ON COLUMN orchestrator_plans.id IS 'Key.';
COMMENT ON COLUMN orchestrator_plans.tenant_id IS 'Tenant.';
COMMENT ON COLUMN orchestrator_plans.user_id IS 'User who asked.';
COMMENT ON COLUMN orchestrator_plans.parent_session_id IS 'Session that gets the final answer.';
COMMENT ON COLUMN orchestrator_plans.planner_session_id IS 'Temporary session that made the plan.';
COMMENT ON COLUMN orchestrator_plans.job_id IS 'The orchestrator-plan job.';
COMMENT ON COLUMN orchestrator_plans.synthesize_job_id IS 'The orchestrator-synthesize job.';
COMMENT ON COLUMN orchestrator_plans.task_description IS 'What is to be done.';
COMMENT ON COLUMN orchestrator_plans.max_subtasks IS 'How many subtasks the plan may have.';
COMMENT ON COLUMN orchestrator_plans.on_failure IS 'fail: a failed subtask fails the plan; partial: synthesize from what succeeded.';
COMMENT ON COLUMN orchestrator_plans.status IS 'planning, executing, synthesizing, then completed or failed.';
COMMENT ON COLUMN orchestrator_plans.plan IS 'JSON array [{description, agent, dependencies}] as accepted.';
COMMENT ON COLUMN orchestrator_plans.result IS 'Synthesised final response.';
COMMENT ON COLUMN orchestrator_plans.error IS 'Why the plan failed, every reason.';
COMMENT ON COLUMN orchestrator_plans.created_at IS 'When it was asked for.';
COMMENT ON COLUMN orchestrator_plans.updated_at IS 'When the row last changed.';
COMMENT ON COLUMN orchestrator_plans.completed_at IS 'When it became completed or failed.';

CREATE TABLE IF NOT EXISTS orchestrator_subtasks ();
ALTER TABLE orchestrator_subtasks
    ADD COLUMN IF NOT EXISTS id uuid DEFAULT gen_random_uuid(),
    ADD COLUMN IF NOT EXISTS plan_id uuid,
    ADD COLUMN IF NOT EXISTS index integer,
    ADD COLUMN IF NOT EXISTS description text DEFAULT '',
    ADD COLUMN IF NOT EXISTS agent text DEFAULT 'build',
    ADD COLUMN IF NOT EXISTS dependencies integer[] DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS status text DEFAULT 'pending',
    ADD COLUMN IF NOT EXISTS result text,
    ADD COLUMN IF NOT EXISTS error text,
    ADD COLUMN IF NOT EXISTS failure_reason text,
    ADD COLUMN IF NOT EXISTS session_id text,
    ADD COLUMN IF NOT EXISTS job_id uuid,
    ADD COLUMN IF NOT EXISTS released_at timestamptz,
    ADD COLUMN IF NOT EXISTS started_at timestamptz,
    ADD COLUMN IF NOT EXISTS completed_at timestamptz,
    ADD COLUMN IF NOT EXISTS created_at timestamptz NOT NULL DEFAULT now();
SELECT pg_temp.ensure_default('orchestrator_subtasks', 'id', 'gen_random_uuid()');
SELECT pg_temp.ensure_default('orchestrator_subtasks', 'dependencies', '''{}''');
SELECT pg_temp.ensure_default('orchestrator_subtasks', 'status', '''pending''');
SELECT pg_temp.ensure_primary_key('orchestrator_subtasks', 'id');
SELECT pg_temp.ensure_reference('orchestrator_subtasks', 'plan_id', 'orchestrator_plans', 'id', 'CASCADE');
SELECT pg_temp.ensure_check('orchestrator_subtasks', 'orchestrator_subtasks_status_check',
    $$status IN ('pending', 'running', 'completed', 'failed')$$);
SELECT pg_temp.ensure_check('orchestrator_subtasks', 'orchestrator_subtasks_index_check', 'index >= 0 AND NOT index = ANY (dependencies)');
SELECT pg_temp.ensure_transitions('orchestrator_subtasks', ARRAY['pending>running', 'running>completed', 'running>failed', 'pending>failed']);
COMMENT ON TABLE orchestrator_subtasks IS 'One row per subtask of a plan. Written by the worker; read by the worker and the OIAB API.';
COMMENT ON COLUMN orchestrator_subtasks.id IS 'Key.';
COMMENT ON COLUMN orchestrator_subtasks.plan_id IS 'Plan.';
COMMENT ON COLUMN orchestrator_subtasks.index IS '0-based position in the plan; unique within it.';
COMMENT ON COLUMN orchestrator_subtasks.description IS 'What is to be done.';
COMMENT ON COLUMN orchestrator_subtasks.agent IS 'Agent that does it.';
COMMENT ON COLUMN orchestrator_subtasks.dependencies IS 'Indices of the subtasks whose results it needs.';
COMMENT ON COLUMN orchestrator_subtasks.status IS 'pending, running, then completed or failed; pending goes to failed where a dependency failed or the plan was cancelled.';
COMMENT ON COLUMN orchestrator_subtasks.result IS 'Output text.';
COMMENT ON COLUMN orchestrator_subtasks.error IS 'Why it failed.';
COMMENT ON COLUMN orchestrator_subtasks.failure_reason IS 'Reason as in jobs.failure_reason, such as upstream_failed.';
COMMENT ON COLUMN orchestrator_subtasks.session_id IS 'Session of its own.';
COMMENT ON COLUMN orchestrator_subtasks.job_id IS 'The orchestrator-subtask job.';
COMMENT ON COLUMN orchestrator_subtasks.released_at IS 'When all dependencies were done and its job was enqueued; set once.';
COMMENT ON COLUMN orchestrator_subtasks.started_at IS 'When its first attempt began.';
COMMENT ON COLUMN orchestrator_subtasks.completed_at IS 'When it became completed or failed.';
COMMENT ON COLUMN orchestrator_subtasks.created_at IS 'When the plan was accepted.';

CREATE TABLE IF NOT EXISTS dispatches ();
ALTER TABLE dispatches
    ADD COLUMN IF NOT EXISTS id uuid NOT NULL DEFAULT gen_random_uuid(),
    ADD COLUMN IF NOT EXISTS tenant_id uuid,
    ADD COLUMN IF NOT EXISTS user_id uuid,
    ADD COLUMN IF NOT EXISTS parent_session_id text,
    ADD COLUMN IF NOT EXISTS job_id uuid,
    ADD COLUMN IF NOT EXISTS synthesize_job_id uuid,
    ADD COLUMN IF NOT EXISTS mode text NOT NULL DEFAULT 'local',
    ADD COLUMN IF NOT EXISTS rationale text NOT NULL DEFAULT '',
    ADD COLUMN IF NOT EXISTS status text NOT NULL DEFAULT 'executing',
    ADD COLUMN IF NOT EXISTS result text,
    ADD COLUMN IF NOT EXISTS error text,
    ADD COLUMN IF NOT EXISTS created_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN IF NOT EXISTS completed_at timestamptz;
SELECT pg_temp.ensure_primary_key('dispatches', 'id');
SELECT pg_temp.ensure_reference('dispatches', 'tenant_id', 'tenants', 'id', 'CASCADE');
SELECT pg_temp.ensure_reference('dispatches', 'user_id', 'users', 'id', 'CASCADE');
SELECT pg_temp.ensure_check('dispatches', 'dispatches_mode_check', $$mode IN ('local', 'remote', 'team_single_vm', 'team_multi_vm', 'user_pc')$$);
SELECT pg_temp.ensure_check('dispatches', 'dispatches_status_check', $$status IN ('executing', 'synthesizing', 'completed', 'failed')$$);
SELECT pg_temp.ensure_transitions('dispatches', ARRAY['executing>synthesizing', 'synthesizing>completed', 'executing>failed', 'synthesizing>failed']);
COMMENT ON TABLE dispatches IS 'Work that an agent handed to a team. Written and read by the worker; shown by the OIAB API.';
COMMENT ON COLUMN dispatches.id IS 'Key.';
COMMENT ON COLUMN dispatches.tenant_id IS 'Tenant.';
COMMENT ON COLUMN dispatches.user_id IS 'User.';
COMMENT ON COLUMN dispatches.parent_session_id IS 'Session that gets the final answer.';
COMMENT ON COLUMN dispatches.job_id IS 'Turn that dispatched it.';
COMMENT ON COLUMN dispatches.synthesize_job_id IS 'The dispatch-synthesize job.';
COMMENT ON COLUMN dispatches.mode IS 'local, remote, team_single_vm, team_multi_vm or user_pc.';
COMMENT ON COLUMN dispatches.rationale IS 'Why the agent chose that mode, in its own sentence.';
COMMENT ON COLUMN dispatches.status IS 'executing, synthesizing, then completed or failed.';
COMMENT ON COLUMN dispatches.result IS 'Final response.';
COMMENT ON COLUMN dispatches.error IS 'Why it failed, or what is missing from its result: every member that failed.';
COMMENT ON COLUMN dispatches.created_at IS 'When it was dispatched.';
COMMENT ON COLUMN dispatches.completed_at IS 'When it became completed or failed.';

CREATE TABLE IF NOT EXISTS dispatch_members ();
ALTER TABLE dispatch_members
    ADD COLUMN IF NOT EXISTS dispatch_id uuid NOT NULL,
    ADD COLUMN IF NOT EXISTS member integer NOT NULL,
    ADD COLUMN IF NOT EXISTS agent text NOT NULL DEFAULT 'build',
    ADD COLUMN IF NOT EXISTS task text NOT NULL DEFAULT '',
    ADD COLUMN IF NOT EXISTS status text NOT NULL DEFAULT 'pending',
    ADD COLUMN IF NOT EXISTS session_id text,
    ADD COLUMN IF NOT EXISTS job_id uuid,
    ADD COLUMN IF NOT EXISTS result text,
    ADD COLUMN IF NOT EXISTS error text,
    ADD COLUMN IF NOT EXISTS started_at timestamptz,
    ADD COLUMN IF NOT EXISTS completed_at timestamptz;
SELECT pg_temp.ensure_primary_key('dispatch_members', 'dispatch_id, member');
SELECT pg_temp.ensure_reference('dispatch_members', 'dispatch_id', 'dispatches', 'id', 'CASCADE');
SELECT pg_temp.ensure_check('dispatch_members', 'dispatch_members_status_check', $$status IN ('pending', 'running', 'completed', 'failed')$$);
SELECT pg_temp.ensure_transitions('dispatch_members', ARRAY['pending>running', 'running>completed', 'running>failed', 'pending>failed']);
COMMENT ON TABLE dispatch_members IS 'Members of a dispatch and what each found out. Written and read by the worker; shown by the OIAB API.';
COMMENT ON COLUMN dispatch_members.dispatch_id IS 'Dispatch.';
COMMENT ON COLUMN dispatch_members.member IS '0-based position.';
COMMENT ON COLUMN dispatch_members.agent IS 'Agent that does it.';
COMMENT ON COLUMN dispatch_members.task IS 'What the member is to do.';
COMMENT ON COLUMN dispatch_members.status IS 'pending, running, then completed or failed; pending goes to failed where its job was lost or the dispatch was cancelled.';
COMMENT ON COLUMN dispatch_members.session_id IS 'Session of its own.';
COMMENT ON COLUMN dispatch_members.job_id IS 'The dispatch-execute job.';
COMMENT ON COLUMN dispatch_members.result IS 'Output text.';
COMMENT ON COLUMN dispatch_members.error IS 'Why it failed.';
COMMENT ON COLUMN dispatch_members.started_at IS 'When its first attempt began.';
COMMENT ON COLUMN dispatch_members.completed_at IS 'When it became completed or failed.';

CREATE TABLE IF NOT EXISTS triggers ();
ALTER TABLE triggers
    ADD COLUMN IF NOT EXISTS id uuid NOT NULL DEFAULT gen_random_uuid(),
    ADD COLUMN IF NOT EXISTS tenant_id uuid,
    ADD COLUMN IF NOT EXISTS user_id uuid,
    ADD COLUMN IF NOT EXISTS name text NOT NULL DEFAULT '',
    ADD COLUMN IF NOT EXISTS kind text NOT NULL DEFAULT 'cron',
    ADD COLUMN IF NOT EXISTS cron_expression text,
    ADD COLUMN IF NOT EXISTS time_zone text NOT NULL DEFAULT 'UTC',
    ADD COLUMN IF NOT EXISTS webhook_secret text,
    ADD COLUMN IF NOT EXISTS job_kind text NOT NULL DEFAULT 'agent-turn',
    ADD COLUMN IF NOT EXISTS job_payload jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS enabled boolean NOT NULL DEFAULT true,
    ADD COLUMN IF NOT EXISTS next_fire_at timestamptz,
    ADD COLUMN IF NOT EXISTS enqueued_for timestamptz,
    ADD COLUMN IF NOT EXISTS stopped_at timestamptz,
    ADD COLUMN IF NOT EXISTS last_fired_at timestamptz,
    ADD COLUMN IF NOT EXISTS last_job_id uuid,
    ADD COLUMN IF NOT EXISTS last_error text,
    ADD COLUMN IF NOT EXISTS created_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN IF NOT EXISTS updated_at timestamptz NOT NULL DEFAULT now();
SELECT pg_temp.ensure_primary_key('triggers', 'id');
SELECT pg_temp.ensure_reference('triggers', 'tenant_id', 'tenants', 'id', 'CASCADE');
SELECT pg_temp.ensure_reference('triggers', 'user_id', 'users', 'id', 'CASCADE');
SELECT pg_temp.ensure_check('triggers', 'triggers_kind_check',
    $$kind = 'webhook' OR (kind = 'cron' AND cron_expression IS NOT NULL)$$);
-- Neither infinite nor before Christ: times are compared in microseconds since 1970.
SELECT pg_temp.ensure_check('triggers', 'triggers_next_fire_check',
    $$next_fire_at >= '1970-01-01 00:00:00+00' AND next_fire_at < '9999-01-01 00:00:00+00'$$);
SELECT pg_temp.ensure_updated_at('triggers');
COMMENT ON TABLE triggers IS 'What makes jobs by itself: a cron expression or a webhook. Written by the OIAB API; read by the worker, which also records the firings.';
COMMENT ON COLUMN triggers.id IS 'Key.';
COMMENT ON COLUMN triggers.tenant_id IS 'Tenant.';
COMMENT ON COLUMN triggers.user_id IS 'User on whose behalf it fires.';
COMMENT ON COLUMN triggers.name IS 'Name to show.';
COMMENT ON COLUMN triggers.kind IS 'cron or webhook.';
COMMENT ON COLUMN triggers.cron_expression IS 'Five fields: minute, hour, day of month, month, day of week.';
COMMENT ON COLUMN triggers.time_zone IS 'IANA time zone in which the expression is read.';
COMMENT ON COLUMN triggers.webhook_secret IS 'Secret of the webhook, encrypted (v1:iv:tag:ciphertext).';
COMMENT ON COLUMN triggers.job_kind IS 'Kind of the job that a firing enqueues.';
COMMENT ON COLUMN triggers.job_payload IS 'Payload of that job.';
COMMENT ON COLUMN triggers.enabled IS 'False stops it.';
COMMENT ON COLUMN triggers.next_fire_at IS 'Next firing; a firing moves it on with the old value as guard, so that two leaders cannot fire it twice. NULL: to be computed by the leader.';
COMMENT ON COLUMN triggers.enqueued_for IS 'The next_fire_at whose trigger-fire job has been enqueued, so that one firing has one job.';
COMMENT ON COLUMN triggers.stopped_at IS 'When a fault of its own stopped it, told in last_error; an edit starts it again.';
COMMENT ON COLUMN triggers.last_fired_at IS 'Last firing.';
COMMENT ON COLUMN triggers.last_job_id IS 'Job of the last firing.';
COMMENT ON COLUMN triggers.last_error IS 'What is wrong with it, or what went wrong with the last firing; NULL after one that went well.';
COMMENT ON COLUMN triggers.created_at IS 'When it was created.';
COMMENT ON COLUMN triggers.updated_at IS 'When the row last changed.';
