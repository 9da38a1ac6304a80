-- trigger_functions.sql: what happens to a row of `triggers` when somebody edits it or when a firing of it is lost.
--
-- Lock: SHARE ROW EXCLUSIVE on triggers and jobs for CREATE TRIGGER, instant. Older binaries: go on working.

-- An edit starts a stopped trigger again, and what it was going to do by its old schedule is forgotten: the leader computes
-- next_fire_at anew, unless the edit itself names one.
CREATE OR REPLACE FUNCTION oiab_on_trigger_edited() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.stopped_at := NULL;
    NEW.last_error := NULL;
    IF NEW.next_fire_at IS NOT DISTINCT FROM OLD.next_fire_at
       AND (OLD.kind, OLD.cron_expression, OLD.time_zone, OLD.enabled)
           IS DISTINCT FROM (NEW.kind, NEW.cron_expression, NEW.time_zone, NEW.enabled) THEN
        NEW.next_fire_at := NULL;
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION oiab_on_trigger_edited() IS 'Starts an edited trigger again and lets the leader compute its next firing anew.';
CREATE OR REPLACE TRIGGER triggers_edited BEFORE UPDATE ON triggers FOR EACH ROW
    WHEN ((OLD.kind, OLD.cron_expression, OLD.time_zone, OLD.enabled, OLD.job_kind, OLD.job_payload, OLD.tenant_id, OLD.user_id)
          IS DISTINCT FROM
          (NEW.kind, NEW.cron_expression, NEW.time_zone, NEW.enabled, NEW.job_kind, NEW.job_payload, NEW.tenant_id, NEW.user_id))
    EXECUTE FUNCTION oiab_on_trigger_edited();

-- Tells the leader that something may be due earlier than it knows.
CREATE OR REPLACE FUNCTION oiab_on_trigger_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('oiab_control', 'triggers');
    RETURN NULL;
END $$;
COMMENT ON FUNCTION oiab_on_trigger_moved() IS 'Tells the leader to look at the triggers.';
CREATE OR REPLACE TRIGGER triggers_inserted AFTER INSERT ON triggers FOR EACH ROW
    WHEN (NEW.enabled AND NEW.kind = 'cron') EXECUTE FUNCTION oiab_on_trigger_moved();
CREATE OR REPLACE TRIGGER triggers_moved AFTER UPDATE ON triggers FOR EACH ROW
    WHEN (NEW.enabled AND NEW.kind = 'cron' AND NEW.stopped_at IS NULL
          AND (OLD.next_fire_at IS DISTINCT FROM NEW.next_fire_at OR OLD.stopped_at IS NOT NULL OR NOT OLD.enabled))
    EXECUTE FUNCTION oiab_on_trigger_moved();

-- A trigger-fire job failed for good, or was deleted before it was done: this firing is lost, told in last_error, and the
-- schedule goes on. The row is named by the job's dedupe key, which the leader made.
CREATE OR REPLACE FUNCTION oiab_on_firing_lost() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    lost record;
    named text := split_part(OLD.dedupe_key, ':', 2);
BEGIN
    -- The trigger's condition is as short as it can be: the server reads it anew for each statement. Anybody may have made a job of such
    -- a key.
    IF OLD.status = 'failed' OR OLD.kind <> 'trigger-fire' OR (OLD.dedupe_key LIKE 'trigger:%') IS NOT TRUE THEN
        RETURN NULL;
    END IF;
    IF named !~* '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' THEN
        RETURN NULL;
    END IF;
    -- Not by one CASE: of a deleted row there is no NEW.
    IF TG_OP = 'DELETE' THEN
        SELECT * INTO lost FROM job_loss(TG_OP, OLD);
    ELSE
        SELECT * INTO lost FROM job_loss(TG_OP, NEW);
    END IF;
    UPDATE triggers
    SET next_fire_at = NULL, enqueued_for = NULL, last_error = 'a firing was lost: ' || lost.why
    WHERE id = named::uuid AND enqueued_for = next_fire_at AND stopped_at IS NULL
      AND (extract(epoch FROM enqueued_for) * 1000000)::bigint::text = split_part(OLD.dedupe_key, ':', 3);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION oiab_on_firing_lost() IS 'Lets the schedule of a trigger go on after a firing whose job failed for good or was deleted.';
CREATE OR REPLACE TRIGGER jobs_60_firing_failed AFTER UPDATE OF status ON jobs FOR EACH ROW
    WHEN (NEW.status = 'failed')
    EXECUTE FUNCTION oiab_on_firing_lost();
CREATE OR REPLACE TRIGGER jobs_60_firing_deleted AFTER DELETE ON jobs FOR EACH ROW
    WHEN (OLD.finished_at IS NULL AND OLD.kind = 'trigger-fire' AND OLD.dedupe_key LIKE 'trigger:%')
    EXECUTE FUNCTION oiab_on_firing_lost();
