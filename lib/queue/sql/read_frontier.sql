-- How far claims have come, as the last large claim of any worker left it (frontier.hpp).
-- Rows: always one. Index: none. Locks: none.
SELECT last_value FROM claim_frontier
