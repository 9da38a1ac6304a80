-- Removes embeddings that nobody has looked up for 90 days.
-- $1 integer how many at most
-- Rows: none; the count of removed rows is the answer.
-- Index: embedding_cache_used_idx. Locks: the removed rows; those that others hold are skipped.
DELETE FROM embedding_cache
WHERE ctid = ANY (ARRAY(SELECT ctid FROM embedding_cache WHERE last_used_at < now() - interval '90 days' ORDER BY last_used_at LIMIT $1
                        FOR UPDATE SKIP LOCKED))
