-- What a model costs now; the provider's own entry goes before one for any provider.
-- $1 text provider, $2 text model
-- Rows: one, US dollars for a million tokens. Zero rows: not known.
-- Index: primary key. Locks: none.
SELECT input_usd_per_million::double precision, output_usd_per_million::double precision,
       cache_read_usd_per_million::double precision, cache_write_usd_per_million::double precision,
       max_output_tokens
FROM model_prices
WHERE provider IN ($1, '*') AND model = $2 AND effective_from <= now()
ORDER BY provider = '*', effective_from DESC
LIMIT 1
