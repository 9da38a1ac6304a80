# The migrations that the binary embeds, first to last. What is not listed is for people: roles.sql is run by an administrator,
# 0002_multi_tenancy.sql is a reference and never run.
set(OIAB_MIGRATIONS
  helpers.sql
  extensions.sql
  schema.sql
  schema_sessions.sql
  schema_memory.sql
  schema_analytics.sql
  schema_budget.sql
  jobs.sql
  jobs_dedupe.sql
  jobs_indexes.sql
  jobs_functions.sql
  jobs_triggers.sql
  jobs_comments.sql
  schema_orchestrator.sql
  platform_schema.sql
  gateway_schema.sql
  rules.sql
  skill_functions.sql
  orchestrator_functions.sql
  dispatch_functions.sql
  trigger_functions.sql
  indexes.sql
  vector_indexes.sql
  vector_bits_indexes.sql
  row_security.sql)
