-- jobs_triggers.sql: what the database itself enforces about jobs, whoever writes them.
-- Lock: SHARE ROW EXCLUSIVE on jobs for CREATE TRIGGER, instant. Workers and producers of the version before go on.
--
-- Each trigger's WHEN lets the queue's own writes pass unfired, so that a claim and a plain completion run no function.
-- Row triggers fire in the order of their names. All but jobs_90_wake are SECURITY DEFINER with a fixed search_path (set at the
-- end): a producer needs INSERT on jobs and nothing else.

-- Insert: history may be imported; nobody can insert a running job. A pending row's key takes its place in the dedupe index.
CREATE OR REPLACE FUNCTION jobs_on_insert_status() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF NEW.status = 'running' THEN
        RAISE EXCEPTION 'a job cannot be inserted as running: it starts as pending and a worker claims it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'jobs_status_transition';
    END IF;
    IF NEW.status IN ('completed', 'failed') THEN
        NEW.finished_at := coalesce(NEW.finished_at, now());
    END IF;
    NEW.dedupe_pending := CASE WHEN NEW.status = 'pending' THEN NEW.dedupe_key END;
    RETURN NEW;
END $$;

-- Insert: a keyed row takes its place in the lane and is never ready at once: an insert that is still open while the head
-- settles would leave the lane stuck. advance_lane makes it ready after the commit, told by the notification.
CREATE OR REPLACE FUNCTION jobs_on_insert_lane() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF NEW.serial_key IS NULL AND NEW.kind = 'agent-turn' THEN
        NEW.serial_key := jobs_session_lane(NEW.payload);
    END IF;
    NEW.lane_ready := NEW.serial_key IS NULL;
    IF NEW.serial_key IS NOT NULL THEN
        NEW.lane_seq := nextval('jobs_lane_seq');
        IF NOT jobs_notify_is_off() THEN
            PERFORM pg_notify('oiab_lanes', NEW.serial_key);
        END IF;
    END IF;
    RETURN NEW;
END $$;

-- Insert: a paused tenant's row is kept out of the claim's index. Keyed rows are kept out by advance_lane.
CREATE OR REPLACE FUNCTION jobs_on_insert_tenant() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF jobs_tenant_paused(NEW.tenant_id) THEN
        NEW.lane_ready := false;
    END IF;
    RETURN NEW;
END $$;

-- Insert: wake-up, once for a transaction and at its end (jobs_90_wake). As jobs_wake and jobs_notify_is_off, but in one expression and
-- with the caller's rights, which is a third of the cost: every insert pays for it, and a function that sets a search_path makes the
-- server look up all names anew, 38 microseconds. It needs no rights, and names its functions in full.
CREATE OR REPLACE FUNCTION jobs_after_insert() RETURNS trigger LANGUAGE plpgsql SECURITY INVOKER AS $$
BEGIN
    IF NOT coalesce(pg_catalog.lower(pg_catalog.current_setting('oiabd.notify', true)) IN ('off', 'false', 'no', '0'), false)
       AND (NOT pg_catalog.pg_try_advisory_xact_lock_shared(7236003) OR pg_catalog.pg_try_advisory_xact_lock(7236001)) THEN
        PERFORM pg_catalog.pg_notify('oiab_jobs', '');
    END IF;
    RETURN NULL;
END $$;

-- Any change that is not the queue's own claim or plain completion, which the trigger's WHEN lets pass. One function and one
-- condition for all rules: the server reads every trigger's condition anew for each statement, about 3 microseconds a kilobyte.
CREATE OR REPLACE FUNCTION jobs_on_unusual_update() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF NEW.lease_epoch < OLD.lease_epoch THEN
        RAISE EXCEPTION 'job %: lease_epoch % cannot go back to %: it is the fencing token', OLD.id, OLD.lease_epoch,
            NEW.lease_epoch USING ERRCODE = 'check_violation', CONSTRAINT = 'jobs_lease_epoch_monotonic';
    END IF;
    IF OLD.status <> NEW.status AND (CASE OLD.status
                                         WHEN 'running' THEN false
                                         WHEN 'pending' THEN NEW.status = 'completed'
                                         WHEN 'failed' THEN NEW.status <> 'pending'
                                         ELSE true END) THEN
        RAISE EXCEPTION 'job %: status cannot go from % to %', OLD.id, OLD.status, NEW.status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'jobs_status_transition';
    END IF;

    -- Claim by a worker that knows no leases, or takes over a row without a new epoch: it gets the fencing that it does not know
    -- of. Without lease_until only legacy_lock_timeout rescues the row, and run_at does not lie ahead, where no rescue looks.
    IF NEW.status = 'running' AND NEW.lease_epoch = OLD.lease_epoch
       AND (OLD.status <> 'running' OR NEW.locked_by IS DISTINCT FROM OLD.locked_by) THEN
        NEW.lease_epoch := OLD.lease_epoch + 1;
        NEW.locked_at := now();
        NEW.started_at := now();
        NEW.lease_until := NULL;
        NEW.lane_ready := true;
        NEW.run_at := least(NEW.run_at, now());
    END IF;

    -- A final status written without finished_at: stamped, so that the claim's index never fills with finished rows.
    IF NEW.finished_at IS NULL AND NEW.status IN ('completed', 'failed') THEN
        NEW.finished_at := now();
        NEW.lease_until := NULL;
    END IF;

    -- Back to pending: lease columns and finished_at are cleared for writers that do not know them, a paused tenant's row is kept
    -- out of the claim, and a failed row that is tried again queues up in its lane once more. One that never had a place there (a
    -- turn that failed before the upgrade, an imported row) gets one at the end.
    IF NEW.status = 'pending' AND OLD.status <> 'pending' THEN
        NEW.locked_by := NULL;
        NEW.locked_at := NULL;
        NEW.lease_until := NULL;
        NEW.finished_at := NULL;
        IF NEW.serial_key IS NULL AND NEW.kind = 'agent-turn' AND OLD.status = 'failed' THEN
            NEW.serial_key := jobs_session_lane(NEW.payload);
        END IF;
        IF NEW.serial_key IS NOT NULL AND OLD.status = 'failed' THEN
            NEW.lane_ready := false;
            NEW.lane_seq := coalesce(NEW.lane_seq, nextval('jobs_lane_seq'));
            PERFORM pg_notify('oiab_lanes', NEW.serial_key);
        ELSIF NEW.tenant_id IS NOT NULL AND jobs_tenant_paused(NEW.tenant_id) THEN
            NEW.lane_ready := false;
        END IF;
    END IF;

    -- The dedupe index has the keys of pending rows and no others, whoever writes: workers of versions before and clients that know
    -- the published columns do not name this one.
    NEW.dedupe_pending := CASE WHEN NEW.status = 'pending' THEN NEW.dedupe_key END;

    -- A keyed row left the lane, finished by whomever. A session that looks itself after its commit who is next says so, and then
    -- nobody is told where nobody waits: a row that is being inserted meanwhile brings its own notification.
    IF NEW.serial_key IS NOT NULL AND OLD.finished_at IS NULL AND NEW.status IN ('completed', 'failed')
       AND (current_setting('oiabd.advances_lanes', true) IS DISTINCT FROM 'on'
            OR EXISTS (SELECT FROM jobs j WHERE j.serial_key = OLD.serial_key AND NOT j.lane_ready AND j.finished_at IS NULL)) THEN
        PERFORM pg_notify('oiab_lanes', OLD.serial_key);
    END IF;
    RETURN NEW;
END $$;

-- A keyed row was deleted before it finished: somebody has to look who is next in its lane.
CREATE OR REPLACE FUNCTION jobs_on_lane_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM pg_notify('oiab_lanes', OLD.serial_key);
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER jobs_10_insert_status BEFORE INSERT ON jobs FOR EACH ROW
    WHEN (NEW.status <> 'pending' OR NEW.dedupe_key IS NOT NULL OR NEW.dedupe_pending IS NOT NULL)
    EXECUTE FUNCTION jobs_on_insert_status();
CREATE OR REPLACE TRIGGER jobs_20_insert_lane BEFORE INSERT ON jobs FOR EACH ROW
    WHEN (NEW.finished_at IS NULL AND (NEW.serial_key IS NOT NULL OR NEW.kind = 'agent-turn' OR NOT NEW.lane_ready))
    EXECUTE FUNCTION jobs_on_insert_lane();
CREATE OR REPLACE TRIGGER jobs_30_insert_tenant BEFORE INSERT ON jobs FOR EACH ROW
    WHEN (NEW.tenant_id IS NOT NULL AND NEW.lane_ready) EXECUTE FUNCTION jobs_on_insert_tenant();
-- Deferred, so that a producer decides who notifies when it commits and not before: one whose transaction stays open, or fails, keeps
-- nobody else from notifying. Only the first row queues the call: oiabd.wake_is_due lives as long as the (sub)transaction does, and so
-- does the queued call. Replaced where it is an older one: ACCESS EXCLUSIVE, instant.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'jobs'::regclass AND tgname = 'jobs_90_wake' AND tginitdeferred
                   AND pg_get_triggerdef(oid) NOT LIKE '%jobs_notify_is_off%') THEN
        DROP TRIGGER IF EXISTS jobs_90_wake ON jobs;
        CREATE CONSTRAINT TRIGGER jobs_90_wake AFTER INSERT ON jobs DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
            WHEN (CASE WHEN current_setting('oiabd.wake_is_due', true) = 'yes' THEN false
                       ELSE set_config('oiabd.wake_is_due', 'yes', true) = 'yes' END)
            EXECUTE FUNCTION jobs_after_insert();
    END IF;
END $$;

-- OF: a renewal or a report of progress need not pay for the condition. It names what passes: a claim with a new epoch that takes the
-- key out of the dedupe index, and the completion, under the same epoch and with its time, of a row that is in no lane.
CREATE OR REPLACE TRIGGER jobs_10_unusual_update
    BEFORE UPDATE OF status, lease_epoch, locked_by, finished_at, dedupe_key, dedupe_pending ON jobs FOR EACH ROW
    WHEN (CASE NEW.status
              WHEN 'running' THEN OLD.status <> 'pending' OR NEW.lease_epoch <= OLD.lease_epoch OR NEW.dedupe_pending IS NOT NULL
              WHEN 'completed' THEN OLD.status <> 'running' OR NEW.lease_epoch <> OLD.lease_epoch OR NEW.finished_at IS NULL
                                    OR NEW.serial_key IS NOT NULL
              ELSE true END)
    EXECUTE FUNCTION jobs_on_unusual_update();
CREATE OR REPLACE TRIGGER jobs_50_lane_deleted AFTER DELETE ON jobs FOR EACH ROW
    WHEN (OLD.serial_key IS NOT NULL AND OLD.finished_at IS NULL)
    EXECUTE FUNCTION jobs_on_lane_deleted();

-- What versions before had instead, a trigger for each rule. ACCESS EXCLUSIVE, instant.
DO $$
DECLARE
    former record;
BEGIN
    -- By their functions, in the schema of this table: a check of the schema runs this beside the one that it looks at.
    FOR former IN SELECT t.tgname, t.tgfoid::regprocedure AS function FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
                  WHERE t.tgrelid = 'jobs'::regclass
                    AND p.proname IN ('jobs_on_illegal_update', 'jobs_on_legacy_claim', 'jobs_on_legacy_finish', 'jobs_on_pending',
                                      'jobs_on_lane_left') LOOP
        EXECUTE format('DROP TRIGGER %I ON jobs; DROP FUNCTION %s', former.tgname, former.function);
    END LOOP;
END $$;

-- The schema that holds the tables, whatever it is called, and nothing that the caller could slip in before it.
DO $$
DECLARE
    f record;
BEGIN
    FOR f IN SELECT p.oid::regprocedure AS signature FROM pg_proc p
             WHERE p.pronamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'jobs'::regclass)
               AND p.proname IN ('jobs_on_insert_status', 'jobs_on_insert_lane', 'jobs_on_insert_tenant',
                                 'jobs_on_unusual_update', 'jobs_on_lane_deleted', 'jobs_pending_id')
    LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = pg_catalog, %I, pg_temp', f.signature,
                       (SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                        WHERE c.oid = 'jobs'::regclass));
    END LOOP;
END $$;
