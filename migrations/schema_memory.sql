-- Runtime schema, third part: what agents remember and learn. personas, memories, embedding_cache, trajectories, skills.
-- The embedding columns exist where the extension vector does (setting embeddings).
--
-- Locks: ACCESS EXCLUSIVE on each table for milliseconds; filling NULLs of old rows writes those rows once. The stored column
-- memories.embedding_bits rewrites that table once.
-- Older binaries: go on working; columns are only added.

CREATE TABLE IF NOT EXISTS personas ();
ALTER TABLE personas
    ADD COLUMN IF NOT EXISTS id uuid DEFAULT gen_random_uuid(),
    ADD COLUMN IF NOT EXISTS user_id uuid,
    ADD COLUMN IF NOT EXISTS tenant_id uuid,
    ADD COLUMN IF NOT EXISTS name text,
    ADD COLUMN IF NOT EXISTS description text,
    ADD COLUMN IF NOT EXISTS is_default boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS created_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN IF NOT EXISTS updated_at timestamptz NOT NULL DEFAULT now();
SELECT pg_temp.ensure_default('personas', 'id', 'gen_random_uuid()');
SELECT pg_temp.ensure_primary_key('personas', 'id');
SELECT pg_temp.ensure_reference('personas', 'user_id', 'users', 'id', 'CASCADE');
SELECT pg_temp.ensure_reference('personas', 'tenant_id', 'tenants', 'id', 'CASCADE');
SELECT pg_temp.ensure_updated_at('personas');
COMMENT ON TABLE personas IS 'Named personas (work, personal) that contextualise memories. Written by the OIAB API, read by the worker.';
COMMENT ON COLUMN personas.id IS 'Key.';
COMMENT ON COLUMN personas.user_id IS 'Whose persona it is.';
COMMENT ON COLUMN personas.tenant_id IS 'Tenant of that user.';
COMMENT ON COLUMN personas.name IS 'Name, such as work.';
COMMENT ON COLUMN personas.description IS 'What the agent should know about it.';
COMMENT ON COLUMN personas.is_default IS 'Whether new sessions start with it.';
COMMENT ON COLUMN personas.created_at IS 'When the persona was created.';
COMMENT ON COLUMN personas.updated_at IS 'When the row last changed.';

CREATE TABLE IF NOT EXISTS memories ();
ALTER TABLE memories
    ADD COLUMN IF NOT EXISTS id uuid DEFAULT gen_random_uuid(),
    ADD COLUMN IF NOT EXISTS user_id uuid,
    ADD COLUMN IF NOT EXISTS tenant_id uuid,
    ADD COLUMN IF NOT EXISTS kind text DEFAULT 'fact',
    ADD COLUMN IF NOT EXISTS content text,
    ADD COLUMN IF NOT EXISTS visibility text DEFAULT 'private',
    ADD COLUMN IF NOT EXISTS source_session_id text,
    ADD COLUMN IF NOT EXISTS persona_id uuid,
    ADD COLUMN IF NOT EXISTS idempotency_key text,
    ADD COLUMN IF NOT EXISTS embedding_model text,
    ADD COLUMN IF NOT EXISTS embedding_skipped text,
    ADD COLUMN IF NOT EXISTS embedding_claimed_by uuid,
    ADD COLUMN IF NOT EXISTS embedding_claimed_until timestamptz,
    ADD COLUMN IF NOT EXISTS embedded_at timestamptz,
    ADD COLUMN IF NOT EXISTS metadata jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS created_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN IF NOT EXISTS updated_at timestamptz NOT NULL DEFAULT now();
SELECT pg_temp.ensure_default('memories', 'id', 'gen_random_uuid()');
SELECT pg_temp.ensure_default('memories', 'kind', '''fact''');
SELECT pg_temp.ensure_default('memories', 'visibility', '''private''');
SELECT pg_temp.ensure_primary_key('memories', 'id');
SELECT pg_temp.ensure_reference('memories', 'user_id', 'users', 'id', 'CASCADE');
SELECT pg_temp.ensure_reference('memories', 'tenant_id', 'tenants', 'id', 'CASCADE');
SELECT pg_temp.ensure_check('memories', 'memories_kind_check', $$kind IN ('fact', 'preference', 'event', 'skill-note')$$);
SELECT pg_temp.ensure_check('memories', 'memories_visibility_check', $$visibility IN ('private', 'team', 'org')$$);
SELECT pg_temp.ensure_updated_at('memories');
DO $$
BEGIN
    IF to_regtype('vector') IS NOT NULL THEN
        ALTER TABLE memories ADD COLUMN IF NOT EXISTS embedding vector(1536);
        COMMENT ON COLUMN memories.embedding IS 'Embedding of content by embedding_model, padded with zeros to 1536; NULL = to be made by embed-memories.';
        -- From pgvector 0.7 on. Writes the table once where it has rows.
        IF to_regprocedure('binary_quantize(vector)') IS NOT NULL THEN
            ALTER TABLE memories ADD COLUMN IF NOT EXISTS embedding_bits bit(1536)
                GENERATED ALWAYS AS (binary_quantize(embedding)::bit(1536)) STORED;
            COMMENT ON COLUMN memories.embedding_bits IS 'Signs of the embedding: small enough to stand in the indexes that recall looks through first.';
        END IF;
    END IF;
END $$;
COMMENT ON TABLE memories IS 'Long-term memories of users. Written by the OIAB API and by the worker (tool memory_add, reflections, embeddings); read by both.';
COMMENT ON COLUMN memories.id IS 'Key.';
COMMENT ON COLUMN memories.user_id IS 'Owner.';
COMMENT ON COLUMN memories.tenant_id IS 'Tenant of the owner.';
COMMENT ON COLUMN memories.kind IS 'fact, preference, event or skill-note.';
COMMENT ON COLUMN memories.content IS 'What is remembered.';
COMMENT ON COLUMN memories.visibility IS 'private (owner only), team or org; the last two need memory.read_team and memory.read_org.';
COMMENT ON COLUMN memories.source_session_id IS 'Session that created this memory.';
COMMENT ON COLUMN memories.persona_id IS 'Persona to which it belongs; NULL = all.';
COMMENT ON COLUMN memories.idempotency_key IS 'Key of the step that added it, so that a repeated attempt adds it once; unique.';
COMMENT ON COLUMN memories.embedding_model IS 'Model that made the embedding; NULL = none yet. A model that is no longer in use asks for a new embedding.';
COMMENT ON COLUMN memories.embedding_skipped IS 'Why the provider refused this text; such a memory is not tried again until its content changes.';
COMMENT ON COLUMN memories.embedding_claimed_by IS 'The embed-memories job that is having this text embedded, so that several share a backfill.';
COMMENT ON COLUMN memories.embedding_claimed_until IS 'When that claim lapses; NULL = not claimed.';
COMMENT ON COLUMN memories.embedded_at IS 'When the embedding was made.';
COMMENT ON COLUMN memories.metadata IS 'Further facts.';
COMMENT ON COLUMN memories.created_at IS 'When it was remembered.';
COMMENT ON COLUMN memories.updated_at IS 'When the row last changed.';

CREATE TABLE IF NOT EXISTS embedding_cache ();
ALTER TABLE embedding_cache
    ADD COLUMN IF NOT EXISTS model text NOT NULL,
    ADD COLUMN IF NOT EXISTS content_sha256 bytea NOT NULL,
    ADD COLUMN IF NOT EXISTS created_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN IF NOT EXISTS last_used_at timestamptz NOT NULL DEFAULT now();
SELECT pg_temp.ensure_primary_key('embedding_cache', 'model, content_sha256');
SELECT pg_temp.ensure_check('embedding_cache', 'embedding_cache_sha256_check', 'octet_length(content_sha256) = 32');
DO $$
BEGIN
    IF to_regtype('vector') IS NOT NULL THEN
        ALTER TABLE embedding_cache ADD COLUMN IF NOT EXISTS embedding vector(1536);
        COMMENT ON COLUMN embedding_cache.embedding IS 'The embedding, padded with zeros to 1536.';
    END IF;
END $$;
COMMENT ON TABLE embedding_cache IS 'Embeddings by model and text, so that the same text is paid for once. Holds no text. Written and read by the worker alone.';
COMMENT ON COLUMN embedding_cache.model IS 'Embedding model.';
COMMENT ON COLUMN embedding_cache.content_sha256 IS 'SHA-256 of the text in UTF-8.';
COMMENT ON COLUMN embedding_cache.created_at IS 'When it was paid for.';
COMMENT ON COLUMN embedding_cache.last_used_at IS 'When it was last looked up; retention goes by it.';

CREATE TABLE IF NOT EXISTS trajectories ();
ALTER TABLE trajectories
    ADD COLUMN IF NOT EXISTS id uuid DEFAULT gen_random_uuid(),
    ADD COLUMN IF NOT EXISTS tenant_id uuid,
    ADD COLUMN IF NOT EXISTS user_id uuid,
    ADD COLUMN IF NOT EXISTS session_id text,
    ADD COLUMN IF NOT EXISTS job_id uuid,
    ADD COLUMN IF NOT EXISTS tools jsonb DEFAULT '[]',
    ADD COLUMN IF NOT EXISTS tools_hash text,
    ADD COLUMN IF NOT EXISTS outcome text,
    ADD COLUMN IF NOT EXISTS reflection text,
    ADD COLUMN IF NOT EXISTS reflected_at timestamptz,
    ADD COLUMN IF NOT EXISTS embedding_model text,
    ADD COLUMN IF NOT EXISTS created_at timestamptz NOT NULL DEFAULT now();
SELECT pg_temp.ensure_default('trajectories', 'id', 'gen_random_uuid()');
SELECT pg_temp.ensure_default('trajectories', 'tools', '''[]''');
SELECT pg_temp.ensure_primary_key('trajectories', 'id');
SELECT pg_temp.ensure_reference('trajectories', 'tenant_id', 'tenants', 'id', 'CASCADE');
SELECT pg_temp.ensure_reference('trajectories', 'user_id', 'users', 'id', 'CASCADE');
SELECT pg_temp.ensure_check('trajectories', 'trajectories_outcome_check', $$outcome IN ('success', 'failure', 'partial')$$);
DO $$
BEGIN
    IF to_regtype('vector') IS NOT NULL THEN
        ALTER TABLE trajectories ADD COLUMN IF NOT EXISTS embedding vector(1536);
        COMMENT ON COLUMN trajectories.embedding IS 'Embedding of the reflection by embedding_model.';
    END IF;
END $$;
COMMENT ON TABLE trajectories IS 'Which tools a turn used, and what was learnt from it. Written and read by the worker.';
COMMENT ON COLUMN trajectories.id IS 'Key.';
COMMENT ON COLUMN trajectories.tenant_id IS 'Tenant; trajectories are compared within it.';
COMMENT ON COLUMN trajectories.user_id IS 'User whose turn it was.';
COMMENT ON COLUMN trajectories.session_id IS 'Session of the turn.';
COMMENT ON COLUMN trajectories.job_id IS 'The turn; one trajectory a job.';
COMMENT ON COLUMN trajectories.tools IS 'JSON array [{tool, input_hash, output_hash}], in order; hashes are SHA-256.';
COMMENT ON COLUMN trajectories.tools_hash IS 'SHA-256 of the ordered tools, in hexadecimal.';
COMMENT ON COLUMN trajectories.outcome IS 'success, failure or partial.';
COMMENT ON COLUMN trajectories.reflection IS 'Reflection of the model: what worked, what failed, what is reusable.';
COMMENT ON COLUMN trajectories.reflected_at IS 'When the reflection was written.';
COMMENT ON COLUMN trajectories.embedding_model IS 'Model that made the embedding.';
COMMENT ON COLUMN trajectories.created_at IS 'When the turn ended.';

CREATE TABLE IF NOT EXISTS skills ();
ALTER TABLE skills
    ADD COLUMN IF NOT EXISTS id uuid DEFAULT gen_random_uuid(),
    ADD COLUMN IF NOT EXISTS tenant_id uuid,
    ADD COLUMN IF NOT EXISTS name text DEFAULT '',
    ADD COLUMN IF NOT EXISTS description text DEFAULT '',
    ADD COLUMN IF NOT EXISTS body text DEFAULT '',
    ADD COLUMN IF NOT EXISTS status text DEFAULT 'proposed',
    ADD COLUMN IF NOT EXISTS version integer DEFAULT 1,
    ADD COLUMN IF NOT EXISTS source_trajectories uuid[] DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS cluster_key text,
    ADD COLUMN IF NOT EXISTS promoted_at timestamptz,
    ADD COLUMN IF NOT EXISTS promoted_by uuid,
    ADD COLUMN IF NOT EXISTS deprecated_at timestamptz,
    ADD COLUMN IF NOT EXISTS created_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN IF NOT EXISTS updated_at timestamptz NOT NULL DEFAULT now();
SELECT pg_temp.ensure_default('skills', 'id', 'gen_random_uuid()');
SELECT pg_temp.ensure_default('skills', 'status', '''proposed''');
SELECT pg_temp.ensure_default('skills', 'version', '1');
SELECT pg_temp.ensure_default('skills', 'source_trajectories', '''{}''');
SELECT pg_temp.ensure_primary_key('skills', 'id');
SELECT pg_temp.ensure_reference('skills', 'tenant_id', 'tenants', 'id', 'CASCADE');
SELECT pg_temp.ensure_check('skills', 'skills_status_check', $$status IN ('proposed', 'promoted', 'deprecated')$$);
SELECT pg_temp.ensure_transitions('skills', ARRAY['proposed>promoted', 'proposed>deprecated', 'promoted>deprecated']);
SELECT pg_temp.ensure_updated_at('skills');
COMMENT ON TABLE skills IS 'Reusable skills of a tenant. Proposed by the worker, promoted and deprecated by the OIAB API, read by the worker before every turn.';
COMMENT ON COLUMN skills.id IS 'Key.';
COMMENT ON COLUMN skills.tenant_id IS 'Tenant that may use it; NULL in a single-operator installation.';
COMMENT ON COLUMN skills.name IS 'Name, by which an agent asks for it.';
COMMENT ON COLUMN skills.description IS 'When to use it, in one sentence; listed in the system prompt.';
COMMENT ON COLUMN skills.body IS 'Markdown that the tool use_skill answers with.';
COMMENT ON COLUMN skills.status IS 'proposed, promoted or deprecated; nothing goes back.';
COMMENT ON COLUMN skills.version IS 'Incremented by trigger when the skill is promoted.';
COMMENT ON COLUMN skills.source_trajectories IS 'Trajectories that it was derived from.';
COMMENT ON COLUMN skills.cluster_key IS 'Names the cluster of trajectories, so that each proposes one skill; unique within the tenant.';
COMMENT ON COLUMN skills.promoted_at IS 'When it was promoted; stamped by trigger.';
COMMENT ON COLUMN skills.promoted_by IS 'User who promoted it.';
COMMENT ON COLUMN skills.deprecated_at IS 'When it was deprecated; stamped by trigger.';
COMMENT ON COLUMN skills.created_at IS 'When it was proposed.';
COMMENT ON COLUMN skills.updated_at IS 'When the row last changed.';
