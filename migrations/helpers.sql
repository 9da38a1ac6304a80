-- What the other migration files are written with. Everything here is temporary (pg_temp): it is gone with the session and leaves
-- no trace in the catalogue.
--
-- Locks: none. Duration: milliseconds. Older binaries: not concerned.

SET LOCAL client_min_messages = warning;

-- Adds a primary key where the table has none. NULLs in an old key column are the caller's to fill first.
CREATE OR REPLACE FUNCTION pg_temp.ensure_primary_key(relation regclass, columns text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conrelid = relation AND contype = 'p') THEN
        EXECUTE format('ALTER TABLE %s ADD PRIMARY KEY (%s)', relation, columns);
    END IF;
END $$;

-- Gives an existing column its default, fills the rows that have NULL, and forbids further NULLs. Nothing happens once that is done.
CREATE OR REPLACE FUNCTION pg_temp.ensure_default(relation regclass, column_name text, expression text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = relation AND attname = column_name AND NOT atthasdef) THEN
        EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET DEFAULT %s', relation, column_name, expression);
    END IF;
    IF EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = relation AND attname = column_name AND NOT attnotnull) THEN
        EXECUTE format('UPDATE %s SET %I = %s WHERE %I IS NULL', relation, column_name, expression, column_name);
        EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET NOT NULL', relation, column_name);
    END IF;
END $$;

-- Adds a CHECK when missing. Old rows that break it do not stop the migration: the rule then holds for new and changed rows only.
CREATE OR REPLACE FUNCTION pg_temp.ensure_check(relation regclass, constraint_name text, expression text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_constraint WHERE conrelid = relation AND conname = constraint_name) THEN
        RETURN;
    END IF;
    EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I CHECK (%s) NOT VALID', relation, constraint_name, expression);
    BEGIN
        EXECUTE format('ALTER TABLE %s VALIDATE CONSTRAINT %I', relation, constraint_name);
    EXCEPTION WHEN check_violation THEN
        RAISE WARNING 'table % has rows that break %: the rule holds for new and changed rows only', relation, constraint_name;
    END;
END $$;

-- Adds a foreign key on one column when no foreign key of that column exists. Old orphans do not stop the migration.
CREATE OR REPLACE FUNCTION pg_temp.ensure_reference(relation regclass, column_name text, target regclass, target_column text, on_delete text)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    constraint_name text := format('%s_%s_fkey', (SELECT relname FROM pg_class WHERE oid = relation), column_name);
BEGIN
    IF EXISTS (SELECT 1
               FROM pg_constraint c
               JOIN pg_attribute a ON a.attrelid = relation AND a.attname = column_name
               WHERE c.conrelid = relation AND c.contype = 'f' AND c.conkey = ARRAY[a.attnum]) THEN
        RETURN;
    END IF;
    EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I FOREIGN KEY (%I) REFERENCES %s (%I) ON DELETE %s NOT VALID',
                   relation, constraint_name, column_name, target, target_column, on_delete);
    BEGIN
        EXECUTE format('ALTER TABLE %s VALIDATE CONSTRAINT %I', relation, constraint_name);
    EXCEPTION WHEN foreign_key_violation THEN
        RAISE WARNING 'table % has rows whose % names nothing in %: the rule holds for new and changed rows only',
                      relation, column_name, target;
    END;
END $$;

-- Refuses every change of status that is not listed. The trigger's WHEN holds the list, so a legal change never calls the function.
-- `legal` is pairs such as 'proposed>promoted'.
CREATE OR REPLACE FUNCTION pg_temp.ensure_transitions(relation regclass, legal text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    pairs text := (SELECT string_agg(format('(OLD.status = %L AND NEW.status = %L)', split_part(pair, '>', 1), split_part(pair, '>', 2)), ' OR ')
                   FROM unnest(legal) AS pair);
    table_name text := (SELECT relname FROM pg_class WHERE oid = relation);
BEGIN
    EXECUTE format('CREATE OR REPLACE TRIGGER %I BEFORE UPDATE OF status ON %s FOR EACH ROW '
                   'WHEN (OLD.status IS DISTINCT FROM NEW.status AND (%s) IS NOT TRUE) EXECUTE FUNCTION oiab_refuse_transition()',
                   table_name || '_transition', relation, pairs);
END $$;

-- Keeps updated_at current without a writer's help; an explicit value wins.
CREATE OR REPLACE FUNCTION pg_temp.ensure_updated_at(relation regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE OR REPLACE TRIGGER %I BEFORE UPDATE ON %s FOR EACH ROW '
                   'WHEN (OLD.updated_at IS NOT DISTINCT FROM NEW.updated_at) EXECUTE FUNCTION oiab_touch_updated_at()',
                   (SELECT relname FROM pg_class WHERE oid = relation) || '_updated_at', relation);
END $$;
