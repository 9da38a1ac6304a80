-- jobs_functions.sql: what producers, operators and workers call: enqueue_job, the lanes, the wake-up.
-- CREATE OR REPLACE only: no lock on the table, instant.

-- Tells sleeping workers that there is something to claim, when the transaction commits. NOTIFY holds a lock of the whole server
-- during the commit, so of many producers that commit at once only the one that gets the advisory lock 7236001 notifies.
--
-- No wake-up is lost by that. All of them hold 7236003 in share mode from before that decision to their end; a worker that was
-- woken looks again until nobody holds it (lib/queue/sql/producers_are_committing.sql). Whoever was passed over has therefore
-- committed by the last look, and whoever comes later finds that the one who notified is gone. Only a worker that asks holds it
-- alone, for a moment: then it cannot be told who is here, and is notified. The numbers are arbitrary constants of this project.
CREATE OR REPLACE FUNCTION jobs_wake() RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock_shared(7236003) OR pg_try_advisory_xact_lock(7236001) THEN
        PERFORM pg_notify('oiab_jobs', '');
    END IF;
END $$;

-- Whether this session wants its jobs announced. `SET oiabd.notify = off` is for bulk work that nobody waits for: workers find
-- the jobs with somebody else's notification, or when they poll.
CREATE OR REPLACE FUNCTION jobs_notify_is_off() RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce(pg_catalog.lower(pg_catalog.current_setting('oiabd.notify', true)) IN ('off', 'false', 'no', '0'), false)
$$;

-- The error list of a job with one more failed attempt; only the last 20 are kept. NULL counts as empty.
CREATE OR REPLACE FUNCTION jobs_append_error(errors jsonb, attempt integer, worker text, started timestamptz,
                                             reason text, error text)
RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN jsonb_typeof(errors) IS DISTINCT FROM 'array' THEN '[]'::jsonb
                WHEN jsonb_array_length(errors) >= 20 THEN errors - 0
                ELSE errors END
           || jsonb_build_array(jsonb_build_object('attempt', attempt, 'worker', worker, 'started_at', started,
                                                   'finished_at', now(), 'reason', reason, 'error', error))
$$;

-- Whether a tenant's work is paused.
CREATE OR REPLACE FUNCTION jobs_tenant_paused(tenant uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM job_pauses WHERE scope = 'tenant' AND name = tenant::text)
$$;

-- The id of the pending job that holds a dedupe key, NULL when there is none. SECURITY DEFINER, because a producer that may
-- only insert has to learn which row its insert ran into.
CREATE OR REPLACE FUNCTION jobs_pending_id(key text) RETURNS uuid LANGUAGE sql VOLATILE SECURITY DEFINER AS $$
    SELECT id FROM jobs WHERE dedupe_key = key AND dedupe_pending IS NOT NULL AND status = 'pending'
$$;

-- Enqueues a job, or finds the pending one that has the same dedupe key. Runs with the caller's rights and needs INSERT on jobs.
-- Waits for a producer that has inserted the same key and not yet committed. The loop ends: it goes round only when the row
-- that stood in the way was claimed or removed in between.
CREATE OR REPLACE FUNCTION enqueue_job(
    kind text, payload jsonb DEFAULT '{}', dedupe_key text DEFAULT NULL, run_at timestamptz DEFAULT NULL,
    max_attempts integer DEFAULT NULL, priority smallint DEFAULT NULL, serial_key text DEFAULT NULL,
    tenant_id uuid DEFAULT NULL, user_id uuid DEFAULT NULL, timeout_seconds integer DEFAULT NULL,
    OUT id uuid, OUT inserted boolean)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    rows_inserted bigint;
BEGIN
    LOOP
        id := oiab_uuidv7();
        INSERT INTO jobs (id, kind, payload, dedupe_key, run_at, max_attempts, priority, serial_key, tenant_id, user_id,
                          timeout_seconds)
        VALUES (enqueue_job.id, enqueue_job.kind, coalesce(enqueue_job.payload, '{}'), enqueue_job.dedupe_key,
                coalesce(enqueue_job.run_at, now()), coalesce(enqueue_job.max_attempts, 3),
                coalesce(enqueue_job.priority, 0::smallint), enqueue_job.serial_key, enqueue_job.tenant_id,
                enqueue_job.user_id, enqueue_job.timeout_seconds)
        ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS rows_inserted = ROW_COUNT;
        inserted := rows_inserted = 1;
        EXIT WHEN inserted;
        id := jobs_pending_id(enqueue_job.dedupe_key);
        EXIT WHEN id IS NOT NULL;
    END LOOP;
END $$;

-- The advisory lock of a lane.
CREATE OR REPLACE FUNCTION lane_lock_id(lane text) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT hashtextextended('oiab lane ' || lane, 7236002)
$$;

-- Lets the next job of a lane run: makes its lowest unfinished row ready, when none is ready or running and the row may run.
-- Answers whether a row became ready. To be called after the commit of whatever finished or inserted a row of the lane.
--
-- A row may run when it is due, or when it has been claimed before (a head that sleeps after an attempt holds its lane).
-- Where no row may run, the one that will be due first is *parked*: it is made ready with its run_at in the future, so that it
-- starts on time; it holds nothing, and gives way as soon as another row of the lane may run.
--
-- The first look takes no lock: whoever finishes the head that it sees will call this function after its commit.
-- The second look is under the lane's lock, held until the transaction ends. VOLATILE plpgsql takes a new snapshot for every
-- statement (at READ COMMITTED), so it sees all that was committed before the lock was granted.
CREATE OR REPLACE FUNCTION advance_lane(lane text) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    at_time   timestamptz := clock_timestamp();
    locked    boolean := false;
    held      boolean;
    parked_id uuid;
    next      record;
BEGIN
    LOOP
        SELECT coalesce(bool_or(NOT (j.status = 'pending' AND j.lease_epoch = 0 AND j.run_at > at_time)), false),
               (array_agg(j.id))[1]
        INTO held, parked_id
        FROM jobs j WHERE j.serial_key = lane AND j.lane_ready AND j.finished_at IS NULL;
        IF held THEN
            RETURN false;
        END IF;
        IF NOT locked THEN
            -- Mostly the lane is empty by now. Whoever brings a row into it notifies after the commit, so none is missed.
            IF NOT EXISTS (SELECT FROM jobs j WHERE j.serial_key = lane AND NOT j.lane_ready AND j.finished_at IS NULL) THEN
                RETURN false;
            END IF;
            PERFORM pg_advisory_xact_lock(lane_lock_id(lane));
            locked := true;
            at_time := clock_timestamp();
            CONTINUE;
        END IF;

        SELECT j.id, j.tenant_id, j.run_at INTO next FROM jobs j
        WHERE j.serial_key = lane AND NOT j.lane_ready AND j.finished_at IS NULL
          AND (j.run_at <= at_time OR j.lease_epoch > 0)
        ORDER BY j.lane_seq LIMIT 1;
        IF NOT FOUND THEN
            IF parked_id IS NOT NULL THEN
                RETURN false;
            END IF;
            -- Among the first thousand only: a bound on the work, and the sweep comes again for the rest.
            SELECT w.* INTO next FROM (
                SELECT j.id, j.tenant_id, j.run_at FROM jobs j
                WHERE j.serial_key = lane AND NOT j.lane_ready AND j.finished_at IS NULL
                ORDER BY j.lane_seq LIMIT 1000) w
            ORDER BY w.run_at, w.id LIMIT 1;
            IF NOT FOUND THEN
                RETURN false;
            END IF;
        END IF;
        IF next.tenant_id IS NOT NULL AND jobs_tenant_paused(next.tenant_id) THEN
            RETURN false;
        END IF;

        IF parked_id IS NOT NULL THEN
            UPDATE jobs SET lane_ready = false
            WHERE id = parked_id AND status = 'pending' AND lease_epoch = 0 AND lane_ready;
            CONTINUE WHEN NOT FOUND;
        END IF;
        UPDATE jobs SET lane_ready = true WHERE id = next.id AND status = 'pending' AND NOT lane_ready;
        CONTINUE WHEN NOT FOUND;
        PERFORM jobs_wake();
        RETURN true;
    END LOOP;
END $$;

-- advance_lane for several lanes, in the order of their locks, so that two callers cannot deadlock. Answers how many rows
-- became ready. Every lane that had to be looked at closely stays locked until the transaction ends: keep the batches small.
--
-- Mostly a lane is empty by now, or nobody is ready in it and its first row is due: all lanes of that sort are advanced by one
-- statement, with the same conditions as in advance_lane, which then looks at what is left. OFFSET 0 keeps each EXISTS a look-up by the
-- lane's key: as a join it would read all lanes' rows, for ever where the plan was made while there were few.
CREATE OR REPLACE FUNCTION advance_lanes(lanes text[]) RETURNS integer LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    at_time  timestamptz := clock_timestamp();
    waiting  text[];
    made     text[];
    lane     text;
    advanced integer;
BEGIN
    SELECT array_agg(w.key ORDER BY w.lock_id, w.key) INTO waiting
    FROM (SELECT DISTINCT l.key, lane_lock_id(l.key) AS lock_id FROM unnest(lanes) AS l(key)
          WHERE l.key IS NOT NULL
            AND EXISTS (SELECT FROM jobs j WHERE j.serial_key = l.key AND NOT j.lane_ready AND j.finished_at IS NULL OFFSET 0)
            AND NOT EXISTS (SELECT FROM jobs j WHERE j.serial_key = l.key AND j.lane_ready AND j.finished_at IS NULL
                            AND NOT (j.status = 'pending' AND j.lease_epoch = 0 AND j.run_at > at_time) OFFSET 0)) AS w;
    IF waiting IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM pg_advisory_xact_lock(lane_lock_id(w.key)) FROM unnest(waiting) AS w(key);
    at_time := clock_timestamp();

    WITH ready AS (
        UPDATE jobs SET lane_ready = true
        WHERE ctid = ANY (ARRAY(
                SELECT f.ctid
                FROM unnest(waiting) AS w(key)
                CROSS JOIN LATERAL (
                    SELECT j.ctid, j.tenant_id FROM jobs j
                    WHERE j.serial_key = w.key AND NOT j.lane_ready AND j.finished_at IS NULL
                      AND (j.run_at <= at_time OR j.lease_epoch > 0)
                    ORDER BY j.lane_seq LIMIT 1) AS f
                WHERE NOT EXISTS (SELECT FROM jobs h WHERE h.serial_key = w.key AND h.lane_ready AND h.finished_at IS NULL OFFSET 0)
                  AND (f.tenant_id IS NULL OR NOT jobs_tenant_paused(f.tenant_id))))
          AND status = 'pending' AND NOT lane_ready
        RETURNING serial_key)
    SELECT array_agg(serial_key) INTO made FROM ready;

    advanced := coalesce(cardinality(made), 0);
    IF advanced > 0 THEN
        PERFORM jobs_wake();
    END IF;
    IF advanced < cardinality(waiting) THEN
        FOREACH lane IN ARRAY waiting LOOP
            IF lane <> ALL (coalesce(made, '{}')) AND advance_lane(lane) THEN
                advanced := advanced + 1;
            END IF;
        END LOOP;
    END IF;
    RETURN advanced;
END $$;

-- The guarantee behind the notifications: which lanes have waiting rows and nobody who holds them, among the next max_lanes
-- lanes after after_lane ('' at the start). A loose scan of jobs_waiting_idx: its cost is the number of lanes, not of rows.
-- One row; last_lane is where to go on, NULL when the end was reached.
CREATE OR REPLACE FUNCTION find_idle_lanes(after_lane text, max_lanes integer, OUT lanes text[], OUT last_lane text)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    at_time timestamptz := clock_timestamp();
BEGIN
    lanes := '{}';
    last_lane := after_lane;
    FOR i IN 1 .. max_lanes LOOP
        SELECT j.serial_key INTO last_lane FROM jobs j
        WHERE j.serial_key > last_lane AND NOT j.lane_ready AND j.finished_at IS NULL
        ORDER BY j.serial_key LIMIT 1;
        IF NOT FOUND THEN
            last_lane := NULL;
            RETURN;
        END IF;
        IF NOT EXISTS (SELECT FROM jobs j WHERE j.serial_key = last_lane AND j.lane_ready AND j.finished_at IS NULL
                       AND NOT (j.status = 'pending' AND j.lease_epoch = 0 AND j.run_at > at_time)) THEN
            lanes := lanes || last_lane;
        END IF;
    END LOOP;
END $$;

-- Cancels a job, for operators and for any SQL client. A pending one fails as cancelled; a running one's worker is told and settles
-- it, and a worker that is gone leaves that to the rescue. Every statement sees what was committed before the row was locked.
CREATE OR REPLACE FUNCTION cancel_job(job uuid, OUT answer text, OUT serial_key text) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    found_status text;
BEGIN
    SELECT j.status, j.serial_key INTO found_status, cancel_job.serial_key FROM jobs j WHERE j.id = job FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        answer := 'not_found';
    ELSIF found_status = 'pending' THEN
        UPDATE jobs j SET status = 'failed', failure_reason = 'cancelled', last_error = 'cancelled before it started',
            cancel_requested_at = now(), finished_at = now()
        WHERE j.id = job;
        answer := 'cancelled';
    ELSIF found_status = 'running' THEN
        UPDATE jobs j SET cancel_requested_at = coalesce(j.cancel_requested_at, now()) WHERE j.id = job;
        PERFORM pg_notify('oiab_control', 'cancel ' || job);
        answer := 'requested';
    ELSE
        answer := 'final';
    END IF;
END $$;
