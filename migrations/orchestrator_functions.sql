-- orchestrator_functions.sql: how a plan moves on when one of its jobs ends, by whatever path: a handler's atomic completion, a
-- settled failure, a lapsed lease, a cancel, a delete, another worker. The queue decides what "failed for good" is, so the
-- failing side hangs on jobs itself.
--
-- Lock: SHARE ROW EXCLUSIVE on jobs and orchestrator_plans for CREATE TRIGGER, instant. Older binaries: go on working.
--
-- Order of row locks, the same on every path: the job's row, its plan's row, subtask rows.

-- Enqueues the job that puts results together. Its lane is the parent session's, spelled as for its turns, so that the answer
-- cannot come in between one.
CREATE OR REPLACE FUNCTION enqueue_synthesis(kind text, payload jsonb, parent_session_id text, tenant_id uuid, user_id uuid) RETURNS uuid
LANGUAGE sql VOLATILE AS $$
    INSERT INTO jobs (kind, payload, serial_key, tenant_id, user_id)
    VALUES (enqueue_synthesis.kind, enqueue_synthesis.payload,
            jobs_session_lane(jsonb_build_object('sessionId', enqueue_synthesis.parent_session_id)),
            enqueue_synthesis.tenant_id, enqueue_synthesis.user_id)
    RETURNING id
$$;
COMMENT ON FUNCTION enqueue_synthesis(text, jsonb, text, uuid, uuid) IS 'Enqueues the job that answers in a parent session, in the lane of that session.';

-- Why a job is lost, failed for good or deleted before it was done: `reason` as in jobs.failure_reason, `why` for people.
CREATE OR REPLACE FUNCTION job_loss(operation text, job jobs, OUT reason text, OUT why text) LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN operation = 'DELETE' THEN 'cancelled' ELSE coalesce(job.failure_reason, 'error') END,
           CASE WHEN operation = 'DELETE' THEN 'its job was deleted'
                ELSE coalesce(job.last_error, CASE job.failure_reason WHEN 'cancelled' THEN 'it was cancelled' END,
                              job.failure_reason, 'error') END
$$;
COMMENT ON FUNCTION job_loss(text, jobs) IS 'Why a job that failed for good, or was deleted, is lost.';

-- Cancels unfinished jobs. One whose row somebody else is writing at this moment is passed over: it is about to end or to begin, and
-- either looks first at what it is part of.
CREATE OR REPLACE FUNCTION cancel_jobs_of(ids uuid[], why text) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    j record;
BEGIN
    FOR j IN
        SELECT id, status FROM jobs WHERE id = ANY (ids) AND status IN ('pending', 'running')
        ORDER BY id
        FOR UPDATE SKIP LOCKED
    LOOP
        IF j.status = 'pending' THEN
            UPDATE jobs SET status = 'failed', failure_reason = 'cancelled', last_error = cancel_jobs_of.why, finished_at = now(),
                            cancel_requested_at = coalesce(cancel_requested_at, now())
            WHERE id = j.id;
        ELSE
            UPDATE jobs SET cancel_requested_at = coalesce(cancel_requested_at, now()) WHERE id = j.id;
            PERFORM pg_notify('oiab_control', 'cancel ' || j.id);
        END IF;
    END LOOP;
END $$;
COMMENT ON FUNCTION cancel_jobs_of(uuid[], text) IS 'Cancels those of the jobs that are not finished.';

-- Moves a plan on after a subtask became final: fails what waits for a failed one, releases what waits for nothing any more, and
-- ends the execution after the last one. The lock on the plan's row lets one caller in at a time, and every statement below
-- takes a new snapshot (VOLATILE, READ COMMITTED), so of two subtasks that finish at the same instant the second caller sees the
-- first one's work: a shared dependent is released exactly once.
CREATE OR REPLACE FUNCTION orchestrator_advance(plan uuid) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    -- Not called `plan`: a column has that name.
    target uuid := orchestrator_advance.plan;
    p orchestrator_plans;
    s record;
    job uuid;
    reasons text;
BEGIN
    SELECT * INTO p FROM orchestrator_plans WHERE id = target FOR UPDATE;
    IF NOT FOUND OR p.status <> 'executing' THEN
        RETURN;
    END IF;

    -- Downstream of a failure, one layer a round.
    LOOP
        UPDATE orchestrator_subtasks AS waiting
        SET status = 'failed', failure_reason = 'upstream_failed', completed_at = now(),
            error = format('needs the result of subtask %s, which failed', upstream.index)
        FROM (SELECT w.id, min(d.index) AS index
              FROM orchestrator_subtasks w
              JOIN orchestrator_subtasks d ON d.plan_id = w.plan_id AND d.index = ANY (w.dependencies)
              WHERE w.plan_id = target AND w.status = 'pending' AND w.released_at IS NULL AND d.status = 'failed'
              GROUP BY w.id) AS upstream
        WHERE waiting.id = upstream.id;
        EXIT WHEN NOT FOUND;
    END LOOP;

    FOR s IN
        SELECT w.id, w.index FROM orchestrator_subtasks w
        WHERE w.plan_id = target AND w.status = 'pending' AND w.released_at IS NULL
          AND NOT EXISTS (SELECT FROM orchestrator_subtasks d
                          WHERE d.plan_id = target AND d.index = ANY (w.dependencies) AND d.status <> 'completed')
        ORDER BY w.index
    LOOP
        INSERT INTO jobs (kind, payload, tenant_id, user_id)
        VALUES ('orchestrator-subtask', jsonb_build_object('planId', target, 'index', s.index), p.tenant_id, p.user_id)
        RETURNING jobs.id INTO job;
        UPDATE orchestrator_subtasks SET released_at = now(), job_id = job WHERE id = s.id;
    END LOOP;

    IF EXISTS (SELECT FROM orchestrator_subtasks WHERE plan_id = target AND status IN ('pending', 'running')) THEN
        RETURN;
    END IF;
    SELECT string_agg(format('subtask %s: %s', index, coalesce(error, 'failed')), E'\n' ORDER BY index) INTO reasons
    FROM orchestrator_subtasks WHERE plan_id = target AND status = 'failed';
    IF reasons IS NULL OR (p.on_failure = 'partial'
                           AND EXISTS (SELECT FROM orchestrator_subtasks WHERE plan_id = target AND status = 'completed')) THEN
        job := enqueue_synthesis('orchestrator-synthesize', jsonb_build_object('planId', target), p.parent_session_id, p.tenant_id, p.user_id);
        UPDATE orchestrator_plans SET status = 'synthesizing', synthesize_job_id = job WHERE id = target;
    ELSE
        UPDATE orchestrator_plans SET status = 'failed', error = reasons, completed_at = now() WHERE id = target;
    END IF;
END $$;
COMMENT ON FUNCTION orchestrator_advance(uuid) IS 'Moves a plan on after a subtask became final: releases dependents exactly once, fails those downstream of a failure, ends the execution after the last.';

-- A job of the orchestrator failed for good, or was deleted before it was done.
CREATE OR REPLACE FUNCTION orchestrator_on_job_lost() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    lost record;
    target uuid;
    named text;
BEGIN
    -- The trigger's condition is as short as it can be: the server reads it anew for each statement.
    IF OLD.status = 'failed' OR OLD.kind NOT IN ('orchestrator-plan', 'orchestrator-subtask', 'orchestrator-synthesize') THEN
        RETURN NULL;
    END IF;
    -- Not by one CASE: of a deleted row there is no NEW.
    IF TG_OP = 'DELETE' THEN
        SELECT * INTO lost FROM job_loss(TG_OP, OLD);
    ELSE
        SELECT * INTO lost FROM job_loss(TG_OP, NEW);
    END IF;

    IF OLD.kind = 'orchestrator-subtask' THEN
        SELECT plan_id INTO target FROM orchestrator_subtasks WHERE job_id = OLD.id;
        IF FOUND THEN
            PERFORM 1 FROM orchestrator_plans WHERE id = target FOR UPDATE;
            UPDATE orchestrator_subtasks
            SET status = 'failed', failure_reason = lost.reason, error = lost.why, completed_at = now()
            WHERE job_id = OLD.id AND status IN ('pending', 'running');
            IF FOUND THEN
                PERFORM orchestrator_advance(target);
            END IF;
        END IF;
    ELSIF OLD.kind = 'orchestrator-plan' THEN
        -- The API may have made the row before the job had a first attempt, so the payload's word counts, too.
        named := coalesce(OLD.payload ->> 'planId', OLD.payload ->> 'plan_id');
        IF named ~* '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' THEN
            target := named::uuid;
        END IF;
        UPDATE orchestrator_plans SET status = 'failed', error = lost.why, completed_at = now()
        WHERE id IN (target, OLD.id) AND (job_id = OLD.id OR job_id IS NULL) AND status = 'planning';
    ELSE
        UPDATE orchestrator_plans SET status = 'failed', error = lost.why, completed_at = now()
        WHERE id = (SELECT p.id FROM orchestrator_plans p WHERE p.synthesize_job_id = OLD.id) AND status = 'synthesizing';
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION orchestrator_on_job_lost() IS 'Carries the failure of an orchestrator job over to its subtask and plan.';

CREATE OR REPLACE TRIGGER jobs_60_orchestrator_failed AFTER UPDATE OF status ON jobs FOR EACH ROW
    WHEN (NEW.status = 'failed')
    EXECUTE FUNCTION orchestrator_on_job_lost();
CREATE OR REPLACE TRIGGER jobs_60_orchestrator_deleted AFTER DELETE ON jobs FOR EACH ROW
    WHEN (OLD.finished_at IS NULL AND OLD.kind IN ('orchestrator-plan', 'orchestrator-subtask', 'orchestrator-synthesize'))
    EXECUTE FUNCTION orchestrator_on_job_lost();

-- A plan that failed while jobs of it are left was cancelled: they are cancelled with it.
CREATE OR REPLACE FUNCTION orchestrator_on_plan_failed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE orchestrator_subtasks
    SET status = 'failed', failure_reason = 'cancelled', error = 'the plan was cancelled', completed_at = now()
    WHERE plan_id = NEW.id AND status IN ('pending', 'running');
    PERFORM cancel_jobs_of(ARRAY(SELECT NEW.job_id UNION SELECT NEW.synthesize_job_id
                                 UNION SELECT job_id FROM orchestrator_subtasks WHERE plan_id = NEW.id),
                           'the plan was cancelled');
    RETURN NULL;
END $$;
COMMENT ON FUNCTION orchestrator_on_plan_failed() IS 'Cancels what is left of a plan that failed.';
CREATE OR REPLACE TRIGGER orchestrator_plans_failed AFTER UPDATE OF status ON orchestrator_plans FOR EACH ROW
    WHEN (NEW.status = 'failed' AND OLD.status <> 'failed')
    EXECUTE FUNCTION orchestrator_on_plan_failed();

-- Cancels a plan and every job of it. Answers whether there was anything left to cancel. Takes the jobs' locks first, as every
-- other path does, so that it waits for a completion that is under way instead of deadlocking with it.
CREATE OR REPLACE FUNCTION cancel_plan(plan uuid, reason text DEFAULT 'the plan was cancelled') RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    target uuid := cancel_plan.plan;
BEGIN
    PERFORM 1 FROM jobs
    WHERE id IN (SELECT p.job_id FROM orchestrator_plans p WHERE p.id = target
                 UNION SELECT p.synthesize_job_id FROM orchestrator_plans p WHERE p.id = target
                 UNION SELECT s.job_id FROM orchestrator_subtasks s WHERE s.plan_id = target)
      AND status IN ('pending', 'running')
    ORDER BY id FOR UPDATE;
    UPDATE orchestrator_plans SET status = 'failed', error = cancel_plan.reason, completed_at = now()
    WHERE id = target AND status IN ('planning', 'executing', 'synthesizing');
    RETURN FOUND;
END $$;
COMMENT ON FUNCTION cancel_plan(uuid, text) IS 'Cancels a plan and every job of it; answers whether there was anything left to cancel.';
