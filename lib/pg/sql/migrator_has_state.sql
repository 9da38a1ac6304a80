-- Whether there is a schema_meta to read: inside a transaction, asking it in vain would end the transaction.
-- Rows: one boolean. Index: none. Locks: none.
SELECT to_regclass('schema_meta') IS NOT NULL
