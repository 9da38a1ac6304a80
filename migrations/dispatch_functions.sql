-- dispatch_functions.sql: how a dispatch moves on when one of its members' jobs ends, by whatever path, as plans do
-- (orchestrator_functions.sql, whose enqueue_synthesis, job_loss and cancel_jobs_of it shares).
--
-- Lock: SHARE ROW EXCLUSIVE on jobs and dispatches for CREATE TRIGGER, instant. Older binaries: go on working.
--
-- Order of row locks, the same on every path: the job's row, its dispatch's row, member rows.

-- Enqueues a job for each member of a new dispatch.
CREATE OR REPLACE FUNCTION dispatch_start(dispatch uuid) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    m record;
    job uuid;
BEGIN
    FOR m IN
        SELECT w.member, d.tenant_id, d.user_id
        FROM dispatch_members w JOIN dispatches d ON d.id = w.dispatch_id
        WHERE d.id = dispatch_start.dispatch AND w.job_id IS NULL
        ORDER BY w.member
    LOOP
        INSERT INTO jobs (kind, payload, tenant_id, user_id)
        VALUES ('dispatch-execute', jsonb_build_object('dispatchId', dispatch_start.dispatch, 'member', m.member), m.tenant_id, m.user_id)
        RETURNING id INTO job;
        UPDATE dispatch_members SET job_id = job WHERE dispatch_id = dispatch_start.dispatch AND member = m.member;
    END LOOP;
END $$;
COMMENT ON FUNCTION dispatch_start(uuid) IS 'Enqueues the jobs of a new dispatch''s members.';

-- Moves a dispatch on after a member became final: the last one enqueues the synthesis, or fails the dispatch where none succeeded.
-- The lock on the dispatch's row lets one caller in at a time, and every statement below takes a new snapshot (VOLATILE, READ
-- COMMITTED), so of two members that finish at the same instant the second caller sees the first one's work.
CREATE OR REPLACE FUNCTION dispatch_advance(dispatch uuid) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    target uuid := dispatch_advance.dispatch;
    d dispatches;
    job uuid;
    reasons text;
BEGIN
    SELECT * INTO d FROM dispatches WHERE id = target FOR UPDATE;
    IF NOT FOUND OR d.status <> 'executing'
       OR EXISTS (SELECT FROM dispatch_members WHERE dispatch_id = target AND status IN ('pending', 'running')) THEN
        RETURN;
    END IF;
    SELECT string_agg(format('member %s: %s', member, coalesce(error, 'failed')), E'\n' ORDER BY member) INTO reasons
    FROM dispatch_members WHERE dispatch_id = target AND status = 'failed';
    IF EXISTS (SELECT FROM dispatch_members WHERE dispatch_id = target AND status = 'completed') THEN
        job := enqueue_synthesis('dispatch-synthesize', jsonb_build_object('dispatchId', target), d.parent_session_id, d.tenant_id, d.user_id);
        UPDATE dispatches SET status = 'synthesizing', synthesize_job_id = job, error = reasons WHERE id = target;
    ELSE
        UPDATE dispatches SET status = 'failed', error = reasons, completed_at = now() WHERE id = target;
    END IF;
END $$;
COMMENT ON FUNCTION dispatch_advance(uuid) IS 'Moves a dispatch on after a member became final: enqueues the synthesis after the last, exactly once.';

-- A job of a dispatch failed for good, or was deleted before it was done.
CREATE OR REPLACE FUNCTION dispatch_on_job_lost() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    lost record;
    target uuid;
BEGIN
    -- The trigger's condition is as short as it can be: the server reads it anew for each statement.
    IF OLD.status = 'failed' OR OLD.kind NOT IN ('dispatch-execute', 'dispatch-synthesize') THEN
        RETURN NULL;
    END IF;
    -- Not by one CASE: of a deleted row there is no NEW.
    IF TG_OP = 'DELETE' THEN
        SELECT * INTO lost FROM job_loss(TG_OP, OLD);
    ELSE
        SELECT * INTO lost FROM job_loss(TG_OP, NEW);
    END IF;
    IF OLD.kind = 'dispatch-execute' THEN
        SELECT dispatch_id INTO target FROM dispatch_members WHERE job_id = OLD.id;
        IF FOUND THEN
            PERFORM 1 FROM dispatches WHERE id = target FOR UPDATE;
            UPDATE dispatch_members SET status = 'failed', error = lost.why, completed_at = now()
            WHERE job_id = OLD.id AND status IN ('pending', 'running');
            IF FOUND THEN
                PERFORM dispatch_advance(target);
            END IF;
        END IF;
    ELSE
        UPDATE dispatches SET status = 'failed', error = concat_ws(E'\n', error, lost.why), completed_at = now()
        WHERE synthesize_job_id = OLD.id AND status = 'synthesizing';
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION dispatch_on_job_lost() IS 'Carries the failure of a dispatch''s job over to its member and dispatch.';
CREATE OR REPLACE TRIGGER jobs_60_dispatch_failed AFTER UPDATE OF status ON jobs FOR EACH ROW
    WHEN (NEW.status = 'failed')
    EXECUTE FUNCTION dispatch_on_job_lost();
CREATE OR REPLACE TRIGGER jobs_60_dispatch_deleted AFTER DELETE ON jobs FOR EACH ROW
    WHEN (OLD.finished_at IS NULL AND OLD.kind IN ('dispatch-execute', 'dispatch-synthesize'))
    EXECUTE FUNCTION dispatch_on_job_lost();

-- A dispatch that failed while jobs of it are left was cancelled: they are cancelled with it.
CREATE OR REPLACE FUNCTION dispatch_on_failed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE dispatch_members SET status = 'failed', error = 'the dispatch was cancelled', completed_at = now()
    WHERE dispatch_id = NEW.id AND status IN ('pending', 'running');
    PERFORM cancel_jobs_of(ARRAY(SELECT NEW.synthesize_job_id UNION SELECT job_id FROM dispatch_members WHERE dispatch_id = NEW.id),
                           'the dispatch was cancelled');
    RETURN NULL;
END $$;
COMMENT ON FUNCTION dispatch_on_failed() IS 'Cancels what is left of a dispatch that failed.';
CREATE OR REPLACE TRIGGER dispatches_failed AFTER UPDATE OF status ON dispatches FOR EACH ROW
    WHEN (NEW.status = 'failed' AND OLD.status <> 'failed')
    EXECUTE FUNCTION dispatch_on_failed();

-- Cancels a dispatch and every job of it. Answers whether there was anything left to cancel. Takes the jobs' locks first, as every
-- other path does.
CREATE OR REPLACE FUNCTION cancel_dispatch(dispatch uuid, reason text DEFAULT 'the dispatch was cancelled') RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    target uuid := cancel_dispatch.dispatch;
BEGIN
    PERFORM 1 FROM jobs
    WHERE id IN (SELECT d.synthesize_job_id FROM dispatches d WHERE d.id = target
                 UNION SELECT m.job_id FROM dispatch_members m WHERE m.dispatch_id = target)
      AND status IN ('pending', 'running')
    ORDER BY id FOR UPDATE;
    UPDATE dispatches SET status = 'failed', error = cancel_dispatch.reason, completed_at = now()
    WHERE id = target AND status IN ('executing', 'synthesizing');
    RETURN FOUND;
END $$;
COMMENT ON FUNCTION cancel_dispatch(uuid, text) IS 'Cancels a dispatch and every job of it; answers whether there was anything left to cancel.';
