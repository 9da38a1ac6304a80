-- The extensions that the schema rests on: pgcrypto (random bytes of pairing codes), vector (embeddings), pg_trgm (search for memories
-- by their text). With oiab.embeddings = off the schema does without vector: the embedding columns are then absent.
--
-- Locks: none that a running worker meets. Needs CREATE on the database where the server trusts the extension, a superuser otherwise.

CREATE EXTENSION IF NOT EXISTS pgcrypto;
CREATE EXTENSION IF NOT EXISTS pg_trgm;

DO $$
BEGIN
    IF coalesce(current_setting('oiab.embeddings', true), 'on') <> 'off' THEN
        CREATE EXTENSION IF NOT EXISTS vector;
    END IF;
END $$;
