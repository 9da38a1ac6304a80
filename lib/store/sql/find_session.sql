-- One session.
-- $1 text session
-- Rows: one. Zero rows: there is none.
-- Index: primary key. Locks: none.
SELECT session_id, user_id, tenant_id, title, status = 'active' AS is_active, purpose, channel, parent_session_id, runtime_session_id,
       model_choice, template_slug, template_system_prompt, template_model_override, template_tools,
       template_snapshot_at IS NOT NULL AS has_snapshot
FROM sessions_index
WHERE session_id = $1
