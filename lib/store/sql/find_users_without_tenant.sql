-- The operator of an installation for one person: users without a tenant. Two are as good as many.
-- Rows: at most two. Zero rows: everybody belongs to a tenant.
-- Index: none that must be; such an installation has few users. Locks: none.
SELECT id FROM users WHERE tenant_id IS NULL AND status = 'active' ORDER BY id LIMIT 2
