-- Shows that a worker is alive.
-- $1 text id · $2 integer attempts running · $3 text state
-- Rows: one. Zero rows: its row was pruned; register again. Index: primary key; a heap-only update. Locks: the row.
UPDATE workers SET seen_at = now(), running = $2::integer, state = $3 WHERE id = $1 RETURNING id
