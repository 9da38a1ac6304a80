-- Tells those who stream that a session has something new. Delivered on commit.
-- $1 text session; one that is too long for a notification is named by the start of it
-- Rows: one, empty. Index: none. Locks: none.
SELECT pg_notify('oiab_sessions', left($1, 1000))
