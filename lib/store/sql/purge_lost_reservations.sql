-- Turns reservations whose attempt is over into estimates, whosever they are: see charge_lost_reservations.sql.
-- $1 integer  at most so many
-- Rows: the request ids that were recorded. Zero rows: none were lost.
-- Index: usage_reservations in full (it holds the calls that are under way), primary key of jobs. Locks: the removed rows; those that
-- others hold are skipped.
WITH lost AS (
    DELETE FROM usage_reservations
    WHERE request_id = ANY (ARRAY(SELECT r.request_id FROM usage_reservations r
                                  WHERE NOT EXISTS (SELECT FROM jobs j WHERE j.id = r.job_id AND j.status = 'running'
                                                                         AND j.lease_epoch = r.lease_epoch OFFSET 0)
                                  LIMIT $1 FOR UPDATE SKIP LOCKED))
    RETURNING *
)
INSERT INTO usage_events (request_id, tenant_id, user_id, session_id, job_id, purpose, provider, model, input_tokens, cost_usd, uncertain)
SELECT request_id || ':lost-' || lease_epoch, tenant_id, user_id, session_id, job_id, purpose, provider, model, input_tokens, estimate_usd, true
FROM lost ORDER BY request_id
ON CONFLICT (request_id) DO NOTHING
RETURNING request_id
