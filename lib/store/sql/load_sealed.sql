-- One page of what is encrypted in one place, to be encrypted anew.
-- $1 text place (see store::SealedPlace), $2 uuid row after which the page begins (the nil UUID at first), $3 integer most rows
-- Rows: row and text, in the order of the ids. Zero rows: the place has no more.
-- Index: each table's primary key; the branches of other places are not executed. Locks: none.
(SELECT id, credentials AS sealed FROM providers WHERE $1 = 'providers.credentials' AND credentials IS NOT NULL AND id > $2 ORDER BY id LIMIT $3)
UNION ALL
(SELECT id, webhook_secret FROM triggers WHERE $1 = 'triggers.webhook_secret' AND webhook_secret IS NOT NULL AND id > $2 ORDER BY id LIMIT $3)
UNION ALL
(SELECT id, bot_token FROM gateways WHERE $1 = 'gateways.bot_token' AND bot_token IS NOT NULL AND id > $2 ORDER BY id LIMIT $3)
UNION ALL
(SELECT id, webhook_secret FROM gateways WHERE $1 = 'gateways.webhook_secret' AND webhook_secret IS NOT NULL AND id > $2 ORDER BY id LIMIT $3)
UNION ALL
(SELECT id, access_token FROM entra_sessions WHERE $1 = 'entra_sessions.access_token' AND access_token IS NOT NULL AND id > $2 ORDER BY id LIMIT $3)
UNION ALL
(SELECT id, refresh_token FROM entra_sessions WHERE $1 = 'entra_sessions.refresh_token' AND refresh_token IS NOT NULL AND id > $2 ORDER BY id LIMIT $3)
ORDER BY id
