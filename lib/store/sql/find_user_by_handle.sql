-- The user with a handle.
-- $1 text handle
-- Rows: one. Zero rows: there is no such user.
-- Index: users_handle_key. Locks: none.
SELECT id FROM users WHERE handle = $1
