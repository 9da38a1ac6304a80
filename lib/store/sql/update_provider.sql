-- Overwrites what a provider row says; what was found out about the old one is forgotten.
-- $1 uuid row, $2 text kind, $3 text display name or NULL, $4 text base URL or NULL, $5 text api version or NULL,
-- $6 text encrypted credentials or NULL, $7 text default model or NULL, $8 boolean preferred, $9 jsonb settings
-- Rows: the id. Zero rows: it was removed meanwhile.
-- Index: primary key. Locks: the row.
UPDATE providers
SET kind = $2, display_name = $3, base_url = $4, api_version = $5, credentials = $6, default_model = $7, preferred = $8, settings = $9::jsonb,
    enabled = true, models = NULL, latency_ms = NULL, checked_at = NULL, last_error = NULL
WHERE id = $1
RETURNING id
