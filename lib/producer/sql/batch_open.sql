-- Where the pieces of a batch arrive. Its own types and checks are those of jobs, so that COPY names the line that breaks one.
-- Dropped after each piece; ON COMMIT is for a piece that failed. A table of row security takes no COPY, so jobs itself cannot
-- be the target. pg_temp: the caller's search_path does not matter.
-- Rows: none. Index: none. Locks: none but on the new table.
CREATE TEMPORARY TABLE pg_temp.oiabd_batch (
    n               bigint NOT NULL,
    kind            text NOT NULL CONSTRAINT jobs_kind_check CHECK (char_length(kind) BETWEEN 1 AND 200),
    payload         jsonb NOT NULL,
    dedupe_key      text,
    run_at          float8,
    delay_ms        bigint,
    max_attempts    integer,
    priority        smallint,
    serial_key      text CONSTRAINT jobs_serial_key_check CHECK (char_length(serial_key) BETWEEN 1 AND 500),
    tenant_id       uuid,
    user_id         uuid,
    timeout_seconds integer CONSTRAINT jobs_timeout_check CHECK (timeout_seconds > 0)
) ON COMMIT DROP
