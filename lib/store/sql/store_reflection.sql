-- Writes down what was learnt from a turn, once.
-- $1 uuid trajectory, $2 text reflection
-- Rows: one. Zero rows: it has a reflection already, or is gone.
-- Index: primary key. Locks: the trajectory's row.
UPDATE trajectories SET reflection = $2, reflected_at = now() WHERE id = $1 AND reflected_at IS NULL RETURNING id
