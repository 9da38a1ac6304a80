-- Ends a reservation: its call was charged, or was never made.
-- $1 text request id · $2 bigint lease epoch of the attempt that made it
-- Rows: none; the count of removed rows is the answer. Index: primary key. Locks: the row.
DELETE FROM usage_reservations WHERE request_id = $1 AND lease_epoch = $2
