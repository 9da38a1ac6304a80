-- Writes down what a check of a provider's credentials found.
-- $1 uuid row, $2 text encrypted credentials that were checked, or NULL, $3 jsonb models or NULL (the listed ones stay),
-- $4 integer milliseconds or NULL, $5 text error or NULL (it works)
-- Rows: one boolean, whether the row had the same error before. Zero rows: the row is gone, or has other credentials by now.
-- Index: primary key. Locks: the row.
UPDATE providers new
SET models = coalesce($3::jsonb, new.models), latency_ms = coalesce($4::integer, new.latency_ms), checked_at = now(), last_error = $5
FROM (SELECT id, last_error FROM providers WHERE id = $1 FOR NO KEY UPDATE) AS old
WHERE new.id = old.id AND new.credentials IS NOT DISTINCT FROM $2
RETURNING old.last_error IS NOT DISTINCT FROM $5
