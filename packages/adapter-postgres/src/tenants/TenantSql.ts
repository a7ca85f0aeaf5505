/**
 * The statements that make and drop a tenant, pure: names are quoted here and nowhere else. What differs between the engines:
 * CockroachDB has no connection limit per role, drops a database with CASCADE, and lists comments by SHOW DATABASES.
 */
import type { Tenant } from "@rdev/core/ports/infra/TenantDatabase"
import { escapeIdentifier as id, escapeLiteral as literal } from "../engine/Driver.ts"

export type Engine = "postgresql" | "cockroachdb"
export interface Names {
  readonly database: string
  readonly role: string
}
/** Stands in the database's comment; says whose it is. */
export interface Marker {
  readonly projectId: string
  readonly createdAtMillis: number
}

/** NAMEDATALEN - 1: PostgreSQL cuts longer names silently, and two could become one. */
const maxNameBytes = 63

/** The database is named after the project, for people; the role after its id, which nobody else would choose: it proves ownership. */
export const namesOf = (prefix: string, tenant: Tenant): Names | { readonly problem: string } => {
  const names = { database: `${prefix}${tenant.name}`, role: `${prefix}${tenant.projectId.toLowerCase()}` }
  for (const name of [names.database, names.role]) {
    if (name.includes("\0")) return { problem: "a database name cannot contain U+0000" }
    if (Buffer.byteLength(name) > maxNameBytes)
      return {
        problem: `the database name ${name} is longer than ${maxNameBytes} bytes: choose a shorter prefix or project name`
      }
  }
  return names
}

export const comment = (marker: Marker): string =>
  JSON.stringify({ rdev: { project: marker.projectId, createdAtMillis: marker.createdAtMillis } })
export const markerOf = (text: string | null): Marker | null => {
  try {
    const parsed: unknown = JSON.parse(text ?? "")
    const rdev: unknown = typeof parsed === "object" && parsed !== null ? Reflect.get(parsed, "rdev") : undefined
    if (typeof rdev !== "object" || rdev === null) return null
    const [projectId, createdAtMillis]: ReadonlyArray<unknown> = [
      Reflect.get(rdev, "project"),
      Reflect.get(rdev, "createdAtMillis")
    ]
    return typeof projectId === "string" && typeof createdAtMillis === "number" ? { projectId, createdAtMillis } : null
  } catch {
    return null // somebody else's comment
  }
}

/** Columns database, owner, comment. */
export const databases: Readonly<Record<Engine, string>> = {
  postgresql: `SELECT datname AS database, pg_get_userbyid(datdba) AS owner, shobj_description(oid, 'pg_database') AS comment FROM pg_database WHERE NOT datistemplate`,
  cockroachdb: `SELECT database_name AS database, owner, comment FROM [SHOW DATABASES WITH COMMENT]`
}
export const roleExists = `SELECT 1 AS found FROM pg_roles WHERE rolname = $1`

/** `verifier` is what the server keeps instead of the password, so that neither statement nor log holds the password itself. */
export const createRole = (engine: Engine, names: Names, verifier: string, connectionLimit: number): string =>
  engine === "postgresql"
    ? `CREATE ROLE ${id(names.role)} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT ${Math.trunc(connectionLimit)} PASSWORD ${literal(verifier)}`
    : `CREATE ROLE ${id(names.role)} LOGIN NOCREATEDB NOCREATEROLE PASSWORD ${literal(verifier)}`
export const setPassword = (names: Names, verifier: string): string =>
  `ALTER ROLE ${id(names.role)} PASSWORD ${literal(verifier)}`

/** An administrator without superuser rights must be a member of the role to give it a database. */
export const joinRole = (names: Names): string => `GRANT ${id(names.role)} TO CURRENT_USER`
export const createDatabase = (engine: Engine, names: Names): string =>
  engine === "postgresql"
    ? // template0: template1 cannot be copied while anybody is connected to it.
      `CREATE DATABASE ${id(names.database)} OWNER ${id(names.role)} TEMPLATE template0 ENCODING 'UTF8'`
    : `CREATE DATABASE ${id(names.database)} OWNER ${id(names.role)}`
/** What makes it ours and nobody else's; safe to run again. */
export const settle = (
  engine: Engine,
  names: Names,
  marker: Marker,
  connectionLimit: number
): ReadonlyArray<string> => [
  `COMMENT ON DATABASE ${id(names.database)} IS ${literal(comment(marker))}`,
  engine === "postgresql"
    ? `REVOKE ALL ON DATABASE ${id(names.database)} FROM PUBLIC`
    : `REVOKE ALL ON DATABASE ${id(names.database)} FROM public`,
  engine === "postgresql"
    ? `GRANT ALL ON DATABASE ${id(names.database)} TO ${id(names.role)}`
    : `GRANT ALL ON DATABASE ${id(names.database)} TO ${id(names.role)}`,
  ...(engine === "postgresql" ? [`ALTER ROLE ${id(names.role)} CONNECTION LIMIT ${Math.trunc(connectionLimit)}`] : [])
]
export const dropDatabase = (engine: Engine, names: Names): string =>
  engine === "postgresql"
    ? `DROP DATABASE IF EXISTS ${id(names.database)} WITH (FORCE)`
    : `DROP DATABASE IF EXISTS ${id(names.database)} CASCADE`
export const dropRole = (names: Names): string => `DROP ROLE IF EXISTS ${id(names.role)}`
