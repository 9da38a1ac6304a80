-- Copies the behaviour of the template that a session names into the session, once. The tenant's own template goes before a global one.
-- $1 text session
-- Rows: one. Zero rows: frozen already, no template named, or the template is gone.
-- Index: primary key; agent_templates_slug_key. Locks: the session's row.
UPDATE sessions_index s
SET template_system_prompt = t.system_prompt, template_model_override = t.model_override, template_tools = t.tools,
    template_snapshot_at = now()
FROM (SELECT i.session_id, a.system_prompt, a.model_override, a.tools
      FROM sessions_index i
      JOIN agent_templates a ON a.slug = i.template_slug AND (a.tenant_id = i.tenant_id OR a.tenant_id IS NULL)
      WHERE i.session_id = $1
      ORDER BY a.tenant_id NULLS LAST
      LIMIT 1) t
WHERE s.session_id = t.session_id AND s.template_snapshot_at IS NULL
RETURNING s.session_id
