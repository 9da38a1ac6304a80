-- Tells other workers how far claims have come.
-- $1 bigint  packed (frontier.hpp)
-- Rows: always one. Index: none. Locks: none that outlasts the statement. The number is changed in place, whatever becomes of the
-- transaction. Durability: asynchronous; a crash of the server takes a hint back.
SELECT setval('claim_frontier', $1) AS frontier WHERE (SELECT set_config('synchronous_commit', 'off', true)) = 'off'
