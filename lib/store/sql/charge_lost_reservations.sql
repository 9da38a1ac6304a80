-- Turns reservations whose attempt is over into estimates: nobody will learn any more what those calls cost.
-- $1 uuid job, $2 uuid user, $3 uuid tenant: whose; NULL for none of that sort
-- Rows: the request ids that were recorded. Zero rows: none were lost.
-- Index: usage_reservations_job_idx, _user_idx, _tenant_idx; primary key of jobs. Locks: the removed rows.
WITH lost AS (
    DELETE FROM usage_reservations r
    WHERE (r.job_id = $1 OR r.user_id = $2 OR r.tenant_id = $3)
      AND NOT EXISTS (SELECT FROM jobs j WHERE j.id = r.job_id AND j.status = 'running' AND j.lease_epoch = r.lease_epoch OFFSET 0)
    RETURNING r.*
)
INSERT INTO usage_events (request_id, tenant_id, user_id, session_id, job_id, purpose, provider, model, input_tokens, cost_usd, uncertain)
SELECT request_id || ':lost-' || lease_epoch, tenant_id, user_id, session_id, job_id, purpose, provider, model, input_tokens, estimate_usd, true
FROM lost ORDER BY request_id
ON CONFLICT (request_id) DO NOTHING
RETURNING request_id
