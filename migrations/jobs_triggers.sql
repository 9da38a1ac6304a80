-- jobs_triggers.sql: what the database itself enforces about jobs, whoever writes them.
-- Lock: SHARE ROW EXCLUSIVE on jobs for CREATE TRIGGER, instant. Workers and producers of the version before go on.
--
-- Each trigger's WHEN lets the queue's own legal writes pass unfired, so that a claim and a settle run no function.
-- Row triggers fire in the order of their names. All are SECURITY DEFINER with a fixed search_path (set at the end):
-- a producer needs INSERT on jobs and nothing else.

-- Insert: a pending row starts clean; history may be imported; nobody can insert a running job.
CREATE OR REPLACE FUNCTION jobs_on_insert_status() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF NEW.status = 'running' THEN
        RAISE EXCEPTION 'a job cannot be inserted as running: it starts as pending and a worker claims it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'jobs_status_transition';
    END IF;
    IF NEW.status IN ('completed', 'failed') THEN
        NEW.finished_at := coalesce(NEW.finished_at, now());
    END IF;
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

-- Insert: wake-up, once for a transaction and at its end (jobs_90_wake).
CREATE OR REPLACE FUNCTION jobs_after_insert() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM jobs_wake();
    RETURN NULL;
END $$;

-- Claim by a worker that knows no leases, or takes over a row without a new epoch: it gets the fencing that it does not know
-- of. Without lease_until only legacy_lock_timeout rescues the row, and run_at does not lie ahead, where no rescue looks.
CREATE OR REPLACE FUNCTION jobs_on_legacy_claim() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    NEW.lease_epoch := OLD.lease_epoch + 1;
    NEW.locked_at := now();
    NEW.started_at := now();
    NEW.lease_until := NULL;
    NEW.lane_ready := true;
    NEW.run_at := least(NEW.run_at, now());
    RETURN NEW;
END $$;

-- A final status written without finished_at: stamped, so that the claim's index never fills with finished rows.
CREATE OR REPLACE FUNCTION jobs_on_legacy_finish() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    NEW.finished_at := now();
    NEW.lease_until := NULL;
    RETURN NEW;
END $$;

-- Back to pending: lease columns and finished_at are cleared for writers that do not know them, a paused tenant's row is kept
-- out of the claim, and a failed row that is tried again queues up in its lane once more. One that never had a place there (a turn
-- that failed before the upgrade, an imported row) gets one at the end.
CREATE OR REPLACE FUNCTION jobs_on_pending() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
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
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION jobs_on_illegal_update() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF NEW.lease_epoch < OLD.lease_epoch THEN
        RAISE EXCEPTION 'job %: lease_epoch % cannot go back to %: it is the fencing token', OLD.id, OLD.lease_epoch,
            NEW.lease_epoch USING ERRCODE = 'check_violation', CONSTRAINT = 'jobs_lease_epoch_monotonic';
    END IF;
    RAISE EXCEPTION 'job %: status cannot go from % to %', OLD.id, OLD.status, NEW.status
        USING ERRCODE = 'check_violation', CONSTRAINT = 'jobs_status_transition';
END $$;

-- A keyed row left the lane, finished by whomever or deleted: somebody has to look who is next. A session that looks itself after
-- its commit says so, and then nobody is told where nobody waits: a row that is being inserted meanwhile brings its own notification.
CREATE OR REPLACE FUNCTION jobs_on_lane_left() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND current_setting('oiabd.advances_lanes', true) = 'on'
       AND NOT EXISTS (SELECT FROM jobs j WHERE j.serial_key = OLD.serial_key AND NOT j.lane_ready AND j.finished_at IS NULL) THEN
        RETURN NEW;
    END IF;
    PERFORM pg_notify('oiab_lanes', OLD.serial_key);
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;

CREATE OR REPLACE TRIGGER jobs_10_insert_status BEFORE INSERT ON jobs FOR EACH ROW
    WHEN (NEW.status <> 'pending') EXECUTE FUNCTION jobs_on_insert_status();
CREATE OR REPLACE TRIGGER jobs_20_insert_lane BEFORE INSERT ON jobs FOR EACH ROW
    WHEN (NEW.finished_at IS NULL AND (NEW.serial_key IS NOT NULL OR NEW.kind = 'agent-turn' OR NOT NEW.lane_ready))
    EXECUTE FUNCTION jobs_on_insert_lane();
CREATE OR REPLACE TRIGGER jobs_30_insert_tenant BEFORE INSERT ON jobs FOR EACH ROW
    WHEN (NEW.tenant_id IS NOT NULL AND NEW.lane_ready) EXECUTE FUNCTION jobs_on_insert_tenant();
-- Deferred, so that a producer decides who notifies when it commits and not before: one whose transaction stays open, or fails, keeps
-- nobody else from notifying. Only the first row queues the call: oiabd.wake_is_due lives as long as the (sub)transaction does, and so
-- does the queued call. Replaced where it is still the one that fired after each statement: ACCESS EXCLUSIVE, instant.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'jobs'::regclass AND tgname = 'jobs_90_wake' AND tginitdeferred) THEN
        DROP TRIGGER IF EXISTS jobs_90_wake ON jobs;
        CREATE CONSTRAINT TRIGGER jobs_90_wake AFTER INSERT ON jobs DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
            WHEN (CASE WHEN current_setting('oiabd.wake_is_due', true) = 'yes' OR jobs_notify_is_off() THEN false
                       ELSE set_config('oiabd.wake_is_due', 'yes', true) = 'yes' END)
            EXECUTE FUNCTION jobs_after_insert();
    END IF;
END $$;

-- OF: the server reads the condition of every trigger anew for each statement, which a renewal or a report of progress need not pay for.
CREATE OR REPLACE TRIGGER jobs_10_illegal_update BEFORE UPDATE OF status, lease_epoch ON jobs FOR EACH ROW
    WHEN (NEW.lease_epoch < OLD.lease_epoch
          OR (OLD.status <> NEW.status
              AND CASE OLD.status
                      WHEN 'running' THEN false
                      WHEN 'pending' THEN NEW.status = 'completed'
                      WHEN 'failed' THEN NEW.status <> 'pending'
                      ELSE true END))
    EXECUTE FUNCTION jobs_on_illegal_update();
CREATE OR REPLACE TRIGGER jobs_20_legacy_claim BEFORE UPDATE OF status, locked_by ON jobs FOR EACH ROW
    WHEN (NEW.status = 'running' AND NEW.lease_epoch = OLD.lease_epoch
          AND (OLD.status <> 'running' OR NEW.locked_by IS DISTINCT FROM OLD.locked_by))
    EXECUTE FUNCTION jobs_on_legacy_claim();
CREATE OR REPLACE TRIGGER jobs_30_legacy_finish BEFORE UPDATE OF status, finished_at ON jobs FOR EACH ROW
    WHEN (NEW.finished_at IS NULL AND NEW.status IN ('completed', 'failed'))
    EXECUTE FUNCTION jobs_on_legacy_finish();
CREATE OR REPLACE TRIGGER jobs_40_pending BEFORE UPDATE OF status ON jobs FOR EACH ROW
    WHEN (NEW.status = 'pending' AND OLD.status <> 'pending'
          AND (NEW.locked_by IS NOT NULL OR NEW.locked_at IS NOT NULL OR NEW.lease_until IS NOT NULL
               OR NEW.finished_at IS NOT NULL OR NEW.tenant_id IS NOT NULL
               OR (OLD.status = 'failed' AND (NEW.serial_key IS NOT NULL OR NEW.kind = 'agent-turn'))))
    EXECUTE FUNCTION jobs_on_pending();
CREATE OR REPLACE TRIGGER jobs_50_lane_left BEFORE UPDATE OF status ON jobs FOR EACH ROW
    WHEN (NEW.serial_key IS NOT NULL AND OLD.finished_at IS NULL
          AND NEW.status IN ('completed', 'failed'))
    EXECUTE FUNCTION jobs_on_lane_left();
CREATE OR REPLACE TRIGGER jobs_50_lane_deleted AFTER DELETE ON jobs FOR EACH ROW
    WHEN (OLD.serial_key IS NOT NULL AND OLD.finished_at IS NULL)
    EXECUTE FUNCTION jobs_on_lane_left();

-- The schema that holds the tables, whatever it is called, and nothing that the caller could slip in before it.
DO $$
DECLARE
    f record;
BEGIN
    FOR f IN SELECT p.oid::regprocedure AS signature FROM pg_proc p
             WHERE p.pronamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'jobs'::regclass)
               AND p.proname IN ('jobs_on_insert_status', 'jobs_on_insert_lane', 'jobs_on_insert_tenant', 'jobs_after_insert',
                                 'jobs_on_legacy_claim', 'jobs_on_legacy_finish', 'jobs_on_pending',
                                 'jobs_on_illegal_update', 'jobs_on_lane_left', 'jobs_pending_id')
    LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = pg_catalog, %I, pg_temp', f.signature,
                       (SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                        WHERE c.oid = 'jobs'::regclass));
    END LOOP;
END $$;
