-- Records that the schema is what the binary was built with.
-- $1 text fingerprint, $2 text version, $3 text oldest compatible version
-- Rows: none. Index: primary key. Locks: the rows.
INSERT INTO schema_meta (key, value)
VALUES ('fingerprint', $1), ('version', $2), ('compatible_from', $3)
ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = now()
