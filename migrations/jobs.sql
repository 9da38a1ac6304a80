-- jobs.sql: the queue's tables (jobs, job_steps, job_pauses, workers, leadership), from nothing or from the published columns.
--
-- Runs after the runtime schema, before jobs_indexes.sql, jobs_dedupe.sql, jobs_functions.sql, jobs_triggers.sql, jobs_comments.sql.
-- Lock: ACCESS EXCLUSIVE on jobs while it runs. On an empty or current database it is instant. On a database that holds only
-- the published columns the backfill updates every finished row. Workers of the version before go on afterwards: see jobs_triggers.sql.

-- UUIDv7 with 12 bits of the millisecond's fraction in rand_a, so that ids made within one millisecond keep their order.
-- One expression over pg_catalog functions: the planner inlines it into the column default.
DO $$
BEGIN
    IF current_setting('server_version_num')::int >= 180000 THEN
        CREATE OR REPLACE FUNCTION oiab_uuidv7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE
            AS 'SELECT pg_catalog.uuidv7()';
    ELSE
        CREATE OR REPLACE FUNCTION oiab_uuidv7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS $f$
            SELECT (substring(overlay(encode(int8send((date_part('epoch', clock_timestamp()) * 4096000)::bigint), 'hex')
                                      placing '7' from 14 for 0) from 2)
                    || substring(encode(uuid_send(gen_random_uuid()), 'hex') from 17))::uuid
        $f$;
    END IF;
END $$;

-- The lane of an agent-turn that names none: two turns of one session never overlap. NULL where the payload names no session.
-- A session id too long for the index takes part by its hash.
CREATE OR REPLACE FUNCTION jobs_session_lane(payload jsonb) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT 'session:' || CASE WHEN char_length(s.id) > 400 THEN md5(s.id) ELSE s.id END
    FROM (SELECT coalesce(payload ->> 'sessionId', payload ->> 'session_id') AS id) AS s
$$;

CREATE SEQUENCE IF NOT EXISTS jobs_lane_seq AS bigint CACHE 1;
-- A number that is changed in place: a table's row would leave a version behind for each change while a snapshot is held, which is
-- when it is needed most.
CREATE SEQUENCE IF NOT EXISTS claim_frontier AS bigint MINVALUE 0 START 0 CACHE 1;

-- Before anything looks the table up: the name must not lead to a table of another schema (oiabd migrate --check).
CREATE TABLE IF NOT EXISTS jobs ();

-- A published table's run_at may have no zone: read as UTC the type changes without touching a row. Nor does a varchar or a
-- domain over text, which becomes text.
DO $$
DECLARE
    zone text := current_setting('TimeZone');
    col  record;
BEGIN
    PERFORM set_config('TimeZone', 'UTC', true);
    FOR col IN SELECT a.attname, format_type(a.atttypid, NULL) AS type FROM pg_attribute a
               WHERE a.attrelid = to_regclass('jobs') AND a.attnum > 0 AND NOT a.attisdropped
    LOOP
        IF col.attname = 'run_at' AND col.type = 'timestamp without time zone' THEN
            ALTER TABLE jobs ALTER COLUMN run_at DROP DEFAULT, ALTER COLUMN run_at TYPE timestamptz;
        ELSIF col.attname IN ('kind', 'status', 'dedupe_key', 'locked_by', 'serial_key') AND col.type <> 'text' THEN
            EXECUTE format('ALTER TABLE jobs ALTER COLUMN %1$I DROP DEFAULT, ALTER COLUMN %1$I TYPE text', col.attname);
        END IF;
    END LOOP;
    PERFORM set_config('TimeZone', zone, true);
END $$;

-- For the rows in place, below: a column that is new has no values yet.
DO $$ BEGIN
    PERFORM set_config('oiab.dedupe_pending_is_new', (NOT EXISTS (
        SELECT FROM pg_attribute WHERE attrelid = 'jobs'::regclass AND attname = 'dedupe_pending' AND NOT attisdropped))::text, true);
END $$;

-- One ALTER TABLE for all columns. On a new database this is their order in the row, and it is chosen for the log: an update writes
-- what lies between the first and the last byte that it changes, so what a claim or a settle writes stands together behind everything
-- that it leaves alone (docs/decisions/0114-columns-in-the-order-of-change.md). First those of fixed width, which are read without
-- walking over others. Nothing depends on the order: a published table keeps its own.
ALTER TABLE jobs
    ADD COLUMN IF NOT EXISTS id uuid NOT NULL DEFAULT oiab_uuidv7(),
    ADD COLUMN IF NOT EXISTS run_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN IF NOT EXISTS created_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN IF NOT EXISTS max_attempts integer NOT NULL DEFAULT 3,
    ADD COLUMN IF NOT EXISTS crash_count integer NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS priority smallint NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS lane_ready boolean NOT NULL DEFAULT true,
    ADD COLUMN IF NOT EXISTS kind text NOT NULL,
    ADD COLUMN IF NOT EXISTS payload jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS dedupe_key text,
    ADD COLUMN IF NOT EXISTS serial_key text,
    ADD COLUMN IF NOT EXISTS lane_seq bigint,
    ADD COLUMN IF NOT EXISTS tenant_id uuid,
    ADD COLUMN IF NOT EXISTS user_id uuid,
    ADD COLUMN IF NOT EXISTS timeout_seconds integer,
    ADD COLUMN IF NOT EXISTS cancel_requested_at timestamptz,
    ADD COLUMN IF NOT EXISTS attempts integer NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS lease_epoch bigint NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS locked_by text,
    ADD COLUMN IF NOT EXISTS locked_at timestamptz,
    ADD COLUMN IF NOT EXISTS started_at timestamptz,
    ADD COLUMN IF NOT EXISTS status text NOT NULL DEFAULT 'pending',
    ADD COLUMN IF NOT EXISTS dedupe_pending text,
    ADD COLUMN IF NOT EXISTS lease_until timestamptz,
    ADD COLUMN IF NOT EXISTS finished_at timestamptz,
    ADD COLUMN IF NOT EXISTS result jsonb,
    ADD COLUMN IF NOT EXISTS progress jsonb,
    ADD COLUMN IF NOT EXISTS attempt_errors jsonb,
    ADD COLUMN IF NOT EXISTS last_error text,
    ADD COLUMN IF NOT EXISTS failure_reason text;
SELECT pg_temp.ensure_primary_key('jobs', 'id');

-- Generated in versions before: each update computed it anew and formed the row twice, 6 % of the server's time in a drain. Now the triggers
-- keep it. ACCESS EXCLUSIVE, instant; the values stay. A worker of the version before does not clear it where it claims: the trigger does.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'jobs'::regclass AND attname = 'dedupe_pending' AND attgenerated = 's') THEN
        ALTER TABLE jobs ALTER COLUMN dedupe_pending DROP EXPRESSION;
    END IF;
END $$;

-- Rows in place: NULL in a published column means its default. A row that finished before finished_at existed finished, as far
-- as retention can know, now; a row that runs without a known start of its lock was locked now.
-- Unfinished rows of a lane that have no place in it get one in the order in which they were due.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'jobs'::regclass
               AND attname IN ('kind', 'status', 'payload', 'run_at', 'attempts', 'max_attempts') AND NOT attnotnull)
       OR NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = 'jobs'::regclass AND conname = 'jobs_lease_check')
       OR current_setting('oiab.dedupe_pending_is_new')::boolean THEN
        UPDATE jobs SET
            kind = coalesce(kind, 'unknown'), status = coalesce(status, 'pending'), payload = coalesce(payload, '{}'),
            run_at = coalesce(run_at, now()), attempts = coalesce(attempts, 0), max_attempts = coalesce(max_attempts, 3),
            locked_by = CASE WHEN coalesce(status, 'pending') <> 'pending' THEN locked_by END,
            locked_at = CASE WHEN status = 'running' THEN coalesce(locked_at, now()) END,
            finished_at = CASE WHEN status IN ('completed', 'failed') THEN coalesce(finished_at, now()) END,
            dedupe_pending = CASE WHEN coalesce(status, 'pending') = 'pending' THEN dedupe_key END
        WHERE kind IS NULL OR status IS NULL OR payload IS NULL OR run_at IS NULL OR attempts IS NULL OR max_attempts IS NULL
           OR (status = 'pending' AND (locked_by IS NOT NULL OR locked_at IS NOT NULL OR finished_at IS NOT NULL
                                       OR dedupe_key IS NOT NULL))
           OR (status = 'running' AND (locked_at IS NULL OR finished_at IS NOT NULL))
           OR (status IN ('completed', 'failed') AND finished_at IS NULL);
        UPDATE jobs j SET serial_key = w.lane, lane_seq = w.seq, lane_ready = (j.status = 'running')
        FROM (SELECT id, lane, nextval('jobs_lane_seq') AS seq
              FROM (SELECT id, coalesce(serial_key, jobs_session_lane(payload)) AS lane
                    FROM jobs
                    WHERE lane_seq IS NULL AND status IN ('pending', 'running')
                      AND (serial_key IS NOT NULL OR (kind = 'agent-turn' AND jobs_session_lane(payload) IS NOT NULL))
                    ORDER BY status DESC, run_at, id) AS in_order) AS w
        WHERE j.id = w.id;
    END IF;
END $$;

ALTER TABLE jobs
    ALTER COLUMN id SET DEFAULT oiab_uuidv7(),
    ALTER COLUMN kind SET NOT NULL,
    ALTER COLUMN status SET DEFAULT 'pending', ALTER COLUMN status SET NOT NULL,
    ALTER COLUMN payload SET DEFAULT '{}', ALTER COLUMN payload SET NOT NULL,
    ALTER COLUMN run_at SET DEFAULT now(), ALTER COLUMN run_at SET NOT NULL,
    ALTER COLUMN attempts SET DEFAULT 0, ALTER COLUMN attempts SET NOT NULL,
    ALTER COLUMN max_attempts SET DEFAULT 3, ALTER COLUMN max_attempts SET NOT NULL;

-- Room on every page for the claimed version of its rows (docs/decisions/0101-jobs-table-layout.md); vacuum by rows, not by
-- share, because a queue's table is mostly history and the dead rows are at its young end.
ALTER TABLE jobs SET (
    fillfactor = 40,
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000,
    autovacuum_analyze_scale_factor = 0.05, autovacuum_analyze_threshold = 5000,
    autovacuum_vacuum_insert_scale_factor = 0.1
);

-- Room for the second entry that each row gets in its primary key when it is settled, which is no heap-only update: otherwise every page
-- of the index is split then, after a look whether old entries could go. A value that somebody has set stays.
DO $$
DECLARE
    key record;
BEGIN
    FOR key IN SELECT c.oid::regclass AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
               WHERE i.indrelid = 'jobs'::regclass AND i.indisprimary
                 AND NOT EXISTS (SELECT FROM pg_options_to_table(c.reloptions) AS o WHERE o.option_name = 'fillfactor') LOOP
        EXECUTE format('ALTER INDEX %s SET (fillfactor = 50)', key.name);
    END LOOP;
END $$;

-- Names of checks appear in error messages: they say which promise was broken. Each statement reads their texts anew, so lists are constants
-- (docs/decisions/0110-short-trigger-conditions.md); a database of a version before keeps its own spelling.
SELECT pg_temp.ensure_check('jobs', 'jobs_kind_check', 'char_length(kind) BETWEEN 1 AND 200');
SELECT pg_temp.ensure_check('jobs', 'jobs_status_check', $$status = ANY ('{pending,running,completed,failed}')$$);
SELECT pg_temp.ensure_check('jobs', 'jobs_lease_check', $$
    CASE status
        WHEN 'pending' THEN finished_at IS NULL AND locked_by IS NULL AND locked_at IS NULL AND lease_until IS NULL
        WHEN 'running' THEN finished_at IS NULL AND lane_ready
        ELSE finished_at IS NOT NULL
    END$$);
SELECT pg_temp.ensure_check('jobs', 'jobs_dedupe_pending_check',
                            $$dedupe_pending IS NULL OR (status = 'pending' AND dedupe_pending = dedupe_key)$$);
SELECT pg_temp.ensure_check('jobs', 'jobs_failure_reason_check', $$
    failure_reason = ANY ('{error,timeout,lease_expired,crashed,cancelled,superseded,no_handler,invalid_payload,upstream_failed,budget,
                            effect_unknown}')$$);
SELECT pg_temp.ensure_check('jobs', 'jobs_serial_key_check', 'char_length(serial_key) BETWEEN 1 AND 500');
SELECT pg_temp.ensure_check('jobs', 'jobs_timeout_check', 'timeout_seconds > 0');

-- No foreign key to jobs: a cascade would look here once for every job that is deleted. Whoever deletes jobs deletes their
-- steps in the same statement, and the janitor removes what other clients left.
CREATE TABLE IF NOT EXISTS job_steps (
    job_id      uuid NOT NULL,
    name        text NOT NULL CONSTRAINT job_steps_name_check CHECK (char_length(name) BETWEEN 1 AND 200),
    status      text NOT NULL CONSTRAINT job_steps_status_check CHECK (status IN ('intended', 'done', 'failed', 'unknown')),
    input_hash  text NOT NULL,
    result      jsonb,
    error       text,
    attempt     integer NOT NULL,
    lease_epoch bigint NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    PRIMARY KEY (job_id, name),
    CONSTRAINT job_steps_finished_check CHECK ((status = 'intended') = (finished_at IS NULL))
);

CREATE TABLE IF NOT EXISTS job_pauses (
    scope     text NOT NULL CONSTRAINT job_pauses_scope_check CHECK (scope IN ('all', 'kind', 'tenant')),
    name      text NOT NULL DEFAULT '',
    reason    text,
    paused_by text,
    paused_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (scope, name),
    CONSTRAINT job_pauses_name_check CHECK ((scope = 'all') = (name = ''))
);

CREATE TABLE IF NOT EXISTS workers (
    id         text PRIMARY KEY,
    host       text NOT NULL,
    pid        integer NOT NULL,
    version    text NOT NULL,
    kinds      text[] NOT NULL DEFAULT '{}',
    slots      integer NOT NULL,
    running    integer NOT NULL DEFAULT 0,
    state      text NOT NULL DEFAULT 'running'
               CONSTRAINT workers_state_check CHECK (state IN ('starting', 'running', 'draining', 'stopped')),
    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at    timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

CREATE TABLE IF NOT EXISTS leadership (
    name        text PRIMARY KEY,
    worker_id   text NOT NULL,
    term        bigint NOT NULL DEFAULT 1,
    elected_at  timestamptz NOT NULL DEFAULT now(),
    lease_until timestamptz NOT NULL
) WITH (fillfactor = 50);
