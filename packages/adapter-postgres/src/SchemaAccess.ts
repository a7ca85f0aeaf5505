/** Whether this role can make and use the schema of an installation; if not, what its owner has to run. */
import { StoreError, type StoreReason } from "@rdev/core/ports/stores/StoreError"
import { Effect } from "effect"
import { type Connections, escapeIdentifier } from "./engine/Driver.ts"
import { quoted } from "./engine/SchemaName.ts"

interface Seen {
  readonly database: string
  readonly role: string
  readonly exists: boolean
  readonly may_create_schemas: boolean
  readonly may_use: boolean
  /** Whose our tables are, where they are there. */
  readonly owner: string | null
  readonly is_owner: boolean
  /** Some of what else is in the schema. */
  readonly others: string | null
  readonly predecessor: boolean
}
/** Catalogues only: they can be read without any right on the schema. */
const seenSql = `
  SELECT current_database() AS database, current_user AS role, n.oid IS NOT NULL AS exists,
    has_database_privilege(current_database(), 'CREATE') AS may_create_schemas,
    coalesce(has_schema_privilege(n.oid, 'USAGE') AND has_schema_privilege(n.oid, 'CREATE'), false) AS may_use,
    pg_get_userbyid(m.relowner) AS owner, coalesce(pg_has_role(m.relowner, 'USAGE'), false) AS is_owner,
    (SELECT string_agg(c.relname, ', ') FROM (
      SELECT relname FROM pg_class WHERE relnamespace = n.oid AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S') ORDER BY relname LIMIT 3) c) AS others,
    EXISTS (SELECT FROM pg_class c JOIN pg_namespace p ON p.oid = c.relnamespace WHERE p.nspname = 'public' AND c.relname = 'rdev_migration') AS predecessor
  FROM (VALUES (1)) one (n1) LEFT JOIN pg_namespace n ON n.nspname = $1
    LEFT JOIN pg_class m ON m.relnamespace = n.oid AND m.relname = 'migration' AND m.relkind = 'r'
      AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = m.oid AND a.attname = 'applied_at_millis')`

const reasonOf = (seen: Seen, schema: string): StoreReason | null => {
  const name = quoted(schema)
  const role = escapeIdentifier(seen.role)
  if (seen.exists && !seen.may_use)
    return {
      _tag: "Invalid",
      field: "role",
      message: `the role ${role} may not use and create tables in schema ${name}; let its owner run: GRANT USAGE, CREATE ON SCHEMA ${name} TO ${role}`
    }
  if (seen.owner !== null)
    return seen.is_owner
      ? null
      : {
          _tag: "Invalid",
          field: "role",
          message: `the tables in schema ${name} belong to another role than ${role}; connect as ${escapeIdentifier(seen.owner)}, or let it run: GRANT ${escapeIdentifier(seen.owner)} TO ${role}`
        }
  if (seen.others !== null)
    return {
      _tag: "Invalid",
      field: "RDEV_DATABASE_SCHEMA",
      message: `schema ${name} holds what rdev did not make (${seen.others}): name one that is empty or does not exist`
    }
  if (seen.predecessor)
    return {
      _tag: "Corrupt",
      message:
        "the data was written by a version of rdev from before its first release, which kept its tables in schema public. Use that version, or begin with an empty database (of the embedded engine: move the data folder away)."
    }
  if (!seen.exists && !seen.may_create_schemas)
    return {
      _tag: "Invalid",
      field: "role",
      message: `the role ${role} may not create schema ${name} in database ${escapeIdentifier(seen.database)}; let the database's owner run: CREATE SCHEMA ${name} AUTHORIZATION ${role}`
    }
  return null
}

/** Fails with what is missing; answers whether the schema exists. */
export const check = (database: Connections, schema: string): Effect.Effect<{ readonly exists: boolean }, StoreError> =>
  Effect.flatMap(database.query<Seen>(seenSql, [schema]), ([seen]) => {
    const reason = seen === undefined ? null : reasonOf(seen, schema)
    return reason === null
      ? Effect.succeed({ exists: seen?.exists ?? false })
      : Effect.fail(new StoreError({ operation: "Migrations.run", reason }))
  })

/** Makes the schema where it is missing. Asked first, as `IF NOT EXISTS` wants the right to create schemas even where it exists. */
export const ensure = (database: Connections, schema: string): Effect.Effect<void, StoreError> =>
  Effect.flatMap(check(database, schema), ({ exists }) =>
    exists ? Effect.void : Effect.asVoid(database.query(`CREATE SCHEMA ${quoted(schema)}`))
  )
