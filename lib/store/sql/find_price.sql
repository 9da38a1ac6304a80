-- What a model costs now; the provider's own entry goes before that of its kind, and this one before one for any provider.
-- $1 text provider, $2 text model, $3 text kind of the provider or NULL
-- Rows: one, US dollars for a million tokens. Zero rows: not known.
-- Index: primary key. Locks: none.
SELECT input_usd_per_million::double precision, output_usd_per_million::double precision,
       cache_read_usd_per_million::double precision, cache_write_usd_per_million::double precision,
       max_output_tokens
FROM model_prices
WHERE provider IN ($1, $3, '*') AND model = $2 AND effective_from <= now()
ORDER BY CASE provider WHEN $1 THEN 0 WHEN $3 THEN 1 ELSE 2 END, effective_from DESC
LIMIT 1
