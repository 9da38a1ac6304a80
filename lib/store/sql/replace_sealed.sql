-- Puts texts that were encrypted anew in the place of the old ones, where these are still there.
-- $1 text place (see store::SealedPlace), $2 jsonb array [{id, old, new}], sorted by id
-- Rows: the ids that were written. Missing ones: somebody changed or removed that secret meanwhile; nothing of it is overwritten.
-- Index: primary key. Locks: the rows, for one small transaction.
WITH wanted AS MATERIALIZED (SELECT w.id, w.old, w.new FROM jsonb_to_recordset($2::jsonb) AS w (id uuid, old text, new text)),
provider AS (UPDATE providers t SET credentials = w.new FROM wanted w
             WHERE $1 = 'providers.credentials' AND t.id = w.id AND t.credentials = w.old RETURNING t.id),
trigger AS (UPDATE triggers t SET webhook_secret = w.new FROM wanted w
            WHERE $1 = 'triggers.webhook_secret' AND t.id = w.id AND t.webhook_secret = w.old RETURNING t.id),
bot AS (UPDATE gateways t SET bot_token = w.new FROM wanted w
        WHERE $1 = 'gateways.bot_token' AND t.id = w.id AND t.bot_token = w.old RETURNING t.id),
webhook AS (UPDATE gateways t SET webhook_secret = w.new FROM wanted w
            WHERE $1 = 'gateways.webhook_secret' AND t.id = w.id AND t.webhook_secret = w.old RETURNING t.id),
access AS (UPDATE entra_sessions t SET access_token = w.new FROM wanted w
           WHERE $1 = 'entra_sessions.access_token' AND t.id = w.id AND t.access_token = w.old RETURNING t.id),
refresh AS (UPDATE entra_sessions t SET refresh_token = w.new FROM wanted w
            WHERE $1 = 'entra_sessions.refresh_token' AND t.id = w.id AND t.refresh_token = w.old RETURNING t.id)
SELECT id FROM provider UNION ALL SELECT id FROM trigger UNION ALL SELECT id FROM bot UNION ALL SELECT id FROM webhook
UNION ALL SELECT id FROM access UNION ALL SELECT id FROM refresh
