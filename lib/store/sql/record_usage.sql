-- Records model calls, each once.
-- $1 jsonb array of usage events
-- Rows: the request ids that were recorded. Missing ones: recorded before. A certain figure replaces an estimate of the same
-- tenant.
-- Index: usage_events_request_id_key. Locks: the rows, in order of request_id.
INSERT INTO usage_events AS known (request_id, tenant_id, user_id, session_id, job_id, purpose, provider, model, input_tokens, output_tokens,
                                   cache_read_tokens, cache_write_tokens, reasoning_tokens, cost_usd, uncertain, duration_ms)
SELECT DISTINCT ON (e.request_id) e.request_id, e.tenant_id, e.user_id, e.session_id, e.job_id, e.purpose, e.provider, e.model, e.input_tokens, e.output_tokens,
       e.cache_read_tokens, e.cache_write_tokens, e.reasoning_tokens, e.cost_usd, e.uncertain, e.duration_ms
FROM jsonb_to_recordset($1::jsonb) AS e (request_id text, tenant_id uuid, user_id uuid, session_id text, job_id uuid, purpose text,
    provider text, model text, input_tokens bigint, output_tokens bigint, cache_read_tokens bigint, cache_write_tokens bigint,
    reasoning_tokens bigint, cost_usd numeric, uncertain boolean, duration_ms integer)
ORDER BY e.request_id
ON CONFLICT (request_id) DO UPDATE
SET input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens, cache_read_tokens = excluded.cache_read_tokens,
    cache_write_tokens = excluded.cache_write_tokens, reasoning_tokens = excluded.reasoning_tokens, cost_usd = excluded.cost_usd,
    uncertain = false, duration_ms = excluded.duration_ms
WHERE known.uncertain AND NOT excluded.uncertain AND known.tenant_id IS NOT DISTINCT FROM excluded.tenant_id
RETURNING request_id
