-- Locks a dispatch, so that one caller at a time moves it on.
-- $1 uuid dispatch
-- Rows: one. Zero rows: there is no such dispatch.
-- Index: primary key. Locks: FOR UPDATE on the dispatch's row; waits.
SELECT 1 FROM dispatches WHERE id = $1 FOR UPDATE
