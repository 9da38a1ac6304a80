-- Promotes a skill: see the function promote_skill.
-- $1 uuid skill, $2 uuid who, or NULL for an operator
-- Rows: always one; refusals are errors with a sentence.
-- Index: primary keys. Locks: the skill's row.
SELECT name, status, version, changed FROM promote_skill($1, $2)
