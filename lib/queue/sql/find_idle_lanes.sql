-- Lanes that have waiting rows and nobody who holds them, among the next $2 lanes after $1.
-- $1 text     where to go on, '' at the start
-- $2 integer  how many lanes to look at
-- Rows: one for each idle lane, and last_lane in every row, NULL at the end of the lanes; at least one row, whose lane is NULL where
-- none is idle. Index: jobs_waiting_idx (loose scan), jobs_lane_head_idx. Locks: none.
SELECT i.lane, f.last_lane
FROM find_idle_lanes($1, $2) AS f
LEFT JOIN LATERAL unnest(f.lanes) AS i(lane) ON true
