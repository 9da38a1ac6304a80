-- Makes a session where there is none of that id.
-- $1 text session, $2 uuid user, $3 uuid tenant or NULL, $4 text title or NULL, $5 text purpose, $6 text channel or NULL,
-- $7 text parent session or NULL, $8 jsonb model choice or NULL, $9 text template slug or NULL
-- Rows: one. Zero rows: the session was there already.
-- Index: primary key. Locks: none beyond the new row.
INSERT INTO sessions_index (session_id, user_id, tenant_id, title, purpose, channel, parent_session_id, model_choice, template_slug)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9)
ON CONFLICT (session_id) DO NOTHING
RETURNING session_id
