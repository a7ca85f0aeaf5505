import { assert, describe, it } from "@effect/vitest"
import { StoreError } from "@rdev/core/ports/stores/StoreError"
import { breaksConnection, classifyError, portReason } from "../src/classifyError.ts"

const server = (code: string, fields: Record<string, string> = {}) =>
  Object.assign(new Error(fields["message"] ?? "said so"), { severity: "ERROR", code, ...fields })
const system = (code: string) => Object.assign(new Error(`connect ${code} 127.0.0.1:1`), { code })

const table: ReadonlyArray<readonly [string, unknown, StoreError["reason"]["_tag"], RegExp, boolean]> = [
  [
    "unique violation",
    server("23505", { table: "project", detail: "Key (name)=(acme) already exists." }),
    "AlreadyExists",
    /^project acme exists already$/,
    false
  ],
  [
    "unique violation without detail",
    server("23505", { table: "project", constraint: "project_name" }),
    "AlreadyExists",
    /project project_name/,
    false
  ],
  [
    "role exists",
    server("42710", { message: 'role "r" already exists' }),
    "AlreadyExists",
    /^role r exists already$/,
    false
  ],
  [
    "database exists",
    server("42P04", { message: 'database "d" already exists' }),
    "AlreadyExists",
    /^database d exists already$/,
    false
  ],
  ["dependent objects", server("2BP01", { detail: "owner of table t" }), "Conflict", /owner of table t/, false],
  ["catalogue race", server("XX000", { message: "tuple concurrently updated" }), "Unavailable", /tried again/, true],
  ["internal error", server("XX000"), "Unknown", /XX000/, true],
  ["foreign key", server("23503", { detail: "Key (a)=(b) is not present" }), "Conflict", /not present/, false],
  ["exclusion", server("23P01"), "Conflict", /said so/, false],
  ["not null", server("23502", { column: "name" }), "Invalid", /^name: /, false],
  ["check", server("23514", { constraint: "positive" }), "Invalid", /^positive: /, false],
  ["NUL in text", server("22021"), "Invalid", /said so/, false],
  ["division by zero", server("22012"), "Invalid", /said so/, false],
  ["serialization", server("40001"), "Unavailable", /tried again/, false],
  ["deadlock", server("40P01"), "Unavailable", /tried again/, false],
  ["lock not available", server("55P03"), "Unavailable", /lock/, false],
  ["statement timeout", server("57014"), "Unavailable", /longer/, false],
  ["idle in transaction", server("25P03", { severity: "FATAL" }), "Unavailable", /rolled back/, true],
  ["standby", server("25006"), "Unavailable", /primary/, false],
  [
    "too many connections",
    server("53300", { severity: "FATAL" }),
    "Unavailable",
    /max_connections.*RDEV_DATABASE_MAX_CONNECTIONS/,
    true
  ],
  ["disk full", server("53100"), "Unavailable", /said so/, false],
  ["shutdown", server("57P01", { severity: "FATAL" }), "Unavailable", /stopping/, true],
  ["crash of another backend", server("57P02", { severity: "WARNING" }), "Unavailable", /stopping/, true],
  ["starting up", server("57P03", { severity: "FATAL" }), "Unavailable", /starting/, true],
  ["connection failure", server("08006"), "Unavailable", /said so/, true],
  [
    "password",
    server("28P01", { severity: "FATAL" }),
    "Invalid",
    /^url: the database refuses the user or password/,
    true
  ],
  [
    "a pooler's refusal of a setting",
    server("08P01", { severity: "FATAL", message: "unsupported startup parameter: statement_timeout" }),
    "Invalid",
    /^RDEV_DATABASE_URL: .*statement_timeout.*ignore_startup_parameters/,
    true
  ],
  [
    "a pooler's refusal of a setting in options",
    server("08P01", { severity: "FATAL", message: "unsupported startup parameter in options: jit" }),
    "Invalid",
    /jit/,
    true
  ],
  [
    "a pooler without a free connection",
    server("08P01", { severity: "FATAL", message: "query_wait_timeout" }),
    "Unavailable",
    /default_pool_size/,
    true
  ],
  [
    "a pooler with too many clients",
    server("08P01", { severity: "FATAL", message: "no more connections allowed (max_client_conn)" }),
    "Unavailable",
    /max_client_conn/,
    true
  ],
  [
    "a pooler's idle limit",
    server("08P01", { severity: "FATAL", message: "client_idle_timeout" }),
    "Unavailable",
    /opened again/,
    true
  ],
  [
    "a pooler's restart",
    server("08P01", { severity: "FATAL", message: "pgbouncer is shutting down" }),
    "Unavailable",
    /opened again/,
    true
  ],
  [
    "a database that a pooler does not know",
    server("08P01", { severity: "FATAL", message: "no such database: shop" }),
    "Invalid",
    /knows no database shop/,
    true
  ],
  [
    "a user that a pooler does not know",
    server("08P01", { severity: "FATAL", message: "no such user: rdev" }),
    "Invalid",
    /refuses the user/,
    true
  ],
  [
    "a pooler in statement mode",
    server("08P01", { severity: "FATAL", message: "transaction blocks not allowed in statement pooling mode" }),
    "Invalid",
    /pool_mode = transaction/,
    true
  ],
  ["anything else of a pooler", server("08P01", { severity: "FATAL" }), "Unavailable", /said so/, true],
  [
    "a statement that is not in this session",
    server("26000", { message: 'prepared statement "s1" does not exist' }),
    "Invalid",
    /^RDEV_DATABASE_POOLING: .*RDEV_DATABASE_POOLING=transaction/,
    false
  ],
  [
    "a statement of another client",
    server("42P05", { message: 'prepared statement "s1" already exists' }),
    "Invalid",
    /RDEV_DATABASE_POOLING=transaction/,
    false
  ],
  ["no database", server("3D000", { severity: "FATAL" }), "Invalid", /^url: .*create it first/, true],
  ["privilege", server("42501"), "Invalid", /grant/, false],
  ["no table", server("42P01"), "Corrupt", /schema/, false],
  ["plan of another schema", server("0A000"), "Unavailable", /schema changed/, true],
  ["damaged page", server("XX001"), "Corrupt", /said so/, true],
  ["syntax error (ours)", server("42601"), "Unknown", /42601/, false],
  ["refused", system("ECONNREFUSED"), "Unavailable", /cannot be reached: connect ECONNREFUSED/, true],
  ["reset", system("ECONNRESET"), "Unavailable", /cannot be reached/, true],
  ["no such host", system("ENOTFOUND"), "Unavailable", /cannot be reached/, true],
  [
    "refused on every address",
    new AggregateError([system("ECONNREFUSED"), system("EHOSTUNREACH")], ""),
    "Unavailable",
    /ECONNREFUSED/,
    true
  ],
  ["pool wait", new Error("timeout exceeded when trying to connect"), "Unavailable", /no connection became free/, true],
  [
    "connect timeout",
    new Error("Connection terminated due to connection timeout"),
    "Unavailable",
    /no connection became free/,
    true
  ],
  ["silence", new Error("Query read timeout"), "Unavailable", /did not answer/, true],
  ["cut", new Error("Connection terminated unexpectedly"), "Unavailable", /was lost/, true],
  [
    "broken client",
    new Error("Client has encountered a connection error and is not queryable"),
    "Unavailable",
    /was lost/,
    true
  ],
  ["closing", new Error("Cannot use a pool after calling end on the pool"), "Unavailable", /being closed/, true],
  ["nothing known", new Error("surprise"), "Unknown", /surprise/, true],
  ["not even an error", "surprise", "Unknown", /surprise/, true]
]

describe("classifyError", () => {
  for (const [name, cause, tag, message, breaks] of table) {
    it(`${name} → ${tag}`, () => {
      const error = classifyError("Port.method", cause)
      assert.strictEqual(error.reason._tag, tag)
      assert.match(error.message, message)
      assert.strictEqual(error.operation, "Port.method")
      assert.strictEqual(error.retryable, tag === "Unavailable")
      assert.strictEqual(breaksConnection(cause), breaks)
    })
  }
  it("says the same in the terms of infrastructure ports", () => {
    const tags = (["28P01", "42501", "53300", "57P03", "42710", "2BP01", "22021", "XX001"] as const).map(
      (code) => portReason(classifyError("a", server(code)))._tag
    )
    assert.deepStrictEqual(tags, [
      "Unauthorized",
      "Unauthorized",
      "ResourceExhausted",
      "Unavailable",
      "AlreadyExists",
      "Conflict",
      "Invalid",
      "Unknown"
    ])
  })
  it("keeps the reason of a StoreError", () => {
    const inner = new StoreError({ operation: "A.b", reason: { _tag: "Locked", message: "m" } })
    const outer = classifyError("C.d", inner)
    assert.deepStrictEqual(outer.reason, inner.reason)
    assert.strictEqual(outer.operation, "C.d")
  })
})
