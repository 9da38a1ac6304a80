-- Whether any memory lacks an embedding by the model in use and is not being done at this moment.
-- $1 uuid user or NULL, $2 text model
-- Rows: one boolean.
-- Index: memories_backfill_idx. Locks: none.
SELECT EXISTS (SELECT FROM memories WHERE embedding_skipped IS NULL AND embedding_model IS NULL AND content IS NOT NULL
                 AND ($1::uuid IS NULL OR user_id = $1)
                 AND (embedding_claimed_until IS NULL OR embedding_claimed_until < now()))
    OR EXISTS (SELECT FROM memories WHERE embedding_skipped IS NULL AND embedding_model < $2 AND content IS NOT NULL
                 AND ($1::uuid IS NULL OR user_id = $1)
                 AND (embedding_claimed_until IS NULL OR embedding_claimed_until < now()))
    OR EXISTS (SELECT FROM memories WHERE embedding_skipped IS NULL AND embedding_model > $2 AND content IS NOT NULL
                 AND ($1::uuid IS NULL OR user_id = $1)
                 AND (embedding_claimed_until IS NULL OR embedding_claimed_until < now()))
