-- Ends reservations: their calls were charged, or were never made.
-- $1 jsonb array [{request_id, lease_epoch}], the epoch of the attempt that made it
-- Rows: none. Index: primary key. Locks: the rows.
-- Each row is looked up by LATERAL: a join would be planned as a walk through the whole table where the plan was made while it was
-- empty.
DELETE FROM usage_reservations
WHERE ctid = ANY (ARRAY(
    SELECT r.place
    FROM (SELECT g.request_id, g.lease_epoch FROM jsonb_to_recordset($1::jsonb) AS g (request_id text, lease_epoch bigint)
          ORDER BY g.request_id) AS g
    CROSS JOIN LATERAL (
        SELECT usage_reservations.ctid AS place FROM usage_reservations
        WHERE usage_reservations.request_id = g.request_id AND usage_reservations.lease_epoch = g.lease_epoch FOR UPDATE) AS r))
