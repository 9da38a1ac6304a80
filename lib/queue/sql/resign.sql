-- Steps down, so that another worker may lead at once.
-- $1 text  worker id
-- Rows: one. Zero rows: it did not lead. Index: primary key. Locks: the row.
UPDATE leadership SET lease_until = '-infinity' WHERE name = 'janitor' AND worker_id = $1 RETURNING name
