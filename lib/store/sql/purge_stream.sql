-- Removes pieces of answers a day after they were written: the whole answer is in session_messages.
-- $1 integer how many at most
-- Rows: none; the count of removed rows is the answer.
-- Index: session_stream_created_idx. Locks: the removed rows; those that others hold are skipped.
DELETE FROM session_stream
WHERE ctid = ANY (ARRAY(SELECT ctid FROM session_stream WHERE created_at < now() - interval '1 day' ORDER BY created_at LIMIT $1
                        FOR UPDATE SKIP LOCKED))
