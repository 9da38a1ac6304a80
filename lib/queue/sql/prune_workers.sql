-- Removes workers that were not seen for a long time.
-- $1 interval  so long
-- Rows: the removed ids. Zero rows: none. Locks: the rows.
DELETE FROM workers WHERE seen_at < now() - $1::interval RETURNING id
