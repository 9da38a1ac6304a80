-- What a call goes by: the model's price now (the provider's own entry before that of its kind, and this one before one for any
-- provider), and what all users of the tenant may cost together in a calendar month.
-- $1 text provider, $2 text model, $3 text kind of the provider or NULL, $4 uuid tenant or NULL
-- Rows: one, US dollars; the price is for a million tokens, NULL where it is not known. monthly_limit_usd is NULL without a limit.
-- Index: primary keys. Locks: none.
SELECT price.input_usd_per_million::double precision, price.output_usd_per_million::double precision,
       price.cache_read_usd_per_million::double precision, price.cache_write_usd_per_million::double precision,
       price.max_output_tokens,
       (SELECT q.monthly_limit_usd::double precision FROM tenant_quotas q WHERE q.tenant_id = $4) AS monthly_limit_usd
FROM (SELECT) AS one
LEFT JOIN LATERAL (
    SELECT p.input_usd_per_million, p.output_usd_per_million, p.cache_read_usd_per_million, p.cache_write_usd_per_million,
           p.max_output_tokens
    FROM model_prices p
    WHERE p.provider IN ($1, $3, '*') AND p.model = $2 AND p.effective_from <= now()
    ORDER BY CASE p.provider WHEN $1 THEN 0 WHEN $3 THEN 1 ELSE 2 END, p.effective_from DESC
    LIMIT 1) AS price ON true
