-- Notes that model calls are under way, and what is set aside for them.
-- $1 jsonb array [{request_id, job_id, lease_epoch, tenant_id, user_id, session_id, purpose, provider, model, input_tokens,
--    estimate_usd, reserved_usd}], amounts in US dollars
-- Rows: none. The same call reserved again gets the new figures. Index: primary key. Locks: the rows, in the order of their keys.
INSERT INTO usage_reservations (request_id, job_id, lease_epoch, tenant_id, user_id, session_id, purpose, provider, model, input_tokens,
                                estimate_usd, reserved_usd)
SELECT r.request_id, r.job_id, r.lease_epoch, r.tenant_id, r.user_id, r.session_id, r.purpose, r.provider, r.model, r.input_tokens,
       r.estimate_usd, r.reserved_usd
FROM jsonb_to_recordset($1::jsonb) AS r (request_id text, job_id uuid, lease_epoch bigint, tenant_id uuid, user_id uuid, session_id text,
    purpose text, provider text, model text, input_tokens bigint, estimate_usd double precision, reserved_usd double precision)
ORDER BY r.request_id
ON CONFLICT (request_id) DO UPDATE SET lease_epoch = excluded.lease_epoch, input_tokens = excluded.input_tokens,
    estimate_usd = excluded.estimate_usd, reserved_usd = excluded.reserved_usd
