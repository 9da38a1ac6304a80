-- Notes that a model call is under way, and what is set aside for it.
-- $1 text request id · $2 uuid job · $3 bigint lease epoch · $4 uuid tenant · $5 uuid user · $6 text session · $7 text purpose
-- $8 text provider · $9 text model · $10 bigint input tokens · $11 double estimate in US dollars · $12 double reserved in US dollars
-- Rows: none. The same call reserved again gets the new figures. Index: primary key. Locks: the row.
INSERT INTO usage_reservations (request_id, job_id, lease_epoch, tenant_id, user_id, session_id, purpose, provider, model, input_tokens,
                                estimate_usd, reserved_usd)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::double precision, $12::double precision)
ON CONFLICT (request_id) DO UPDATE SET lease_epoch = excluded.lease_epoch, input_tokens = excluded.input_tokens,
    estimate_usd = excluded.estimate_usd, reserved_usd = excluded.reserved_usd
