-- Writes a worker's row at its start.
-- $1 text id · $2 text host · $3 integer pid · $4 text version · $5 text[] kinds · $6 integer slots · $7 text state
-- Rows: one. Index: primary key. Locks: the row.
INSERT INTO workers (id, host, pid, version, kinds, slots, state)
VALUES ($1, $2, $3::integer, $4, $5::text[], $6::integer, $7)
ON CONFLICT (id) DO UPDATE SET host = excluded.host, pid = excluded.pid, version = excluded.version, kinds = excluded.kinds,
    slots = excluded.slots, state = excluded.state, seen_at = now()
RETURNING id
