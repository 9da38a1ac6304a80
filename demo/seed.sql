-- The demo organisation: two tenants with users, roles, a template and memories. May run again on the same database: what is
-- there stays, and what earlier runs of the demo made agents remember is forgotten, so that each run begins alike.

INSERT INTO tenants (id, name, slug) VALUES
    ('0de30000-0000-7000-8000-00000000000a', 'Contoso', 'contoso-demo'),
    ('0de30000-0000-7000-8000-00000000000b', 'Fabrikam', 'fabrikam-demo')
ON CONFLICT (id) DO NOTHING;

-- Roles owner, admin, member and viewer were seeded with the tenants.
INSERT INTO users (id, handle, tenant_id, display_name, email) VALUES
    ('0de30000-0000-7000-8000-0000000000a1', 'ada-demo', '0de30000-0000-7000-8000-00000000000a', 'Ada', 'ada@contoso.example'),
    ('0de30000-0000-7000-8000-0000000000a2', 'max-demo', '0de30000-0000-7000-8000-00000000000a', 'Max', 'max@contoso.example'),
    ('0de30000-0000-7000-8000-0000000000a3', 'vera-demo', '0de30000-0000-7000-8000-00000000000a', 'Vera', 'vera@contoso.example'),
    ('0de30000-0000-7000-8000-0000000000b1', 'nora-demo', '0de30000-0000-7000-8000-00000000000b', 'Nora', 'nora@fabrikam.example')
ON CONFLICT (id) DO NOTHING;

INSERT INTO user_roles (user_id, role_id, tenant_id)
SELECT grants.user_id, roles.id, roles.tenant_id
FROM (VALUES ('0de30000-0000-7000-8000-0000000000a1'::uuid, 'owner'),
             ('0de30000-0000-7000-8000-0000000000a2'::uuid, 'member'),
             ('0de30000-0000-7000-8000-0000000000a3'::uuid, 'viewer'),
             ('0de30000-0000-7000-8000-0000000000b1'::uuid, 'admin')) AS grants (user_id, role)
JOIN users ON users.id = grants.user_id
JOIN roles ON roles.tenant_id = users.tenant_id AND roles.name = grants.role
ON CONFLICT DO NOTHING;

INSERT INTO agent_templates (id, tenant_id, slug, name, description, category, system_prompt) VALUES
    ('0de30000-0000-7000-8000-0000000000c1', '0de30000-0000-7000-8000-00000000000a', 'concierge', 'Concierge',
     'Knows the habits of the people it works for.', 'assistant',
     'You are the concierge of Contoso. Answer in one or two sentences and rely on what you remember. '
     'When the user asks you to remember something, call the tool memory_add.')
ON CONFLICT (id) DO NOTHING;

INSERT INTO memories (id, user_id, tenant_id, kind, content, visibility) VALUES
    ('0de30000-0000-7000-8000-0000000000d1', '0de30000-0000-7000-8000-0000000000a1', '0de30000-0000-7000-8000-00000000000a',
     'event', 'Project Aurora launches on 12 March in Lisbon.', 'team'),
    ('0de30000-0000-7000-8000-0000000000d2', '0de30000-0000-7000-8000-0000000000a1', '0de30000-0000-7000-8000-00000000000a',
     'fact', 'The budget of project Aurora is 40 000 euros.', 'team'),
    ('0de30000-0000-7000-8000-0000000000d3', '0de30000-0000-7000-8000-0000000000a2', '0de30000-0000-7000-8000-00000000000a',
     'preference', 'Max wants meetings before noon.', 'private'),
    ('0de30000-0000-7000-8000-0000000000d4', '0de30000-0000-7000-8000-0000000000b1', '0de30000-0000-7000-8000-00000000000b',
     'fact', 'Fabrikam delivers project Aurora''s sensors in February.', 'team')
ON CONFLICT (id) DO NOTHING;

DELETE FROM memories WHERE source_session_id LIKE 'demo-%' AND user_id = '0de30000-0000-7000-8000-0000000000a1';

-- What the offline models cost, so that the summary has a figure for them.
INSERT INTO model_prices (provider, model) VALUES ('offline', 'offline-1'), ('offline', 'offline-lexical-2')
ON CONFLICT DO NOTHING;
