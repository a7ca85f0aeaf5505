/**
 * Everything the server itself reads from its variables, decoded once. Bad values stop the start with one error that names each
 * variable, what is wrong and what to write. Adapters have variables of their own (see docs/configuration.md).
 */
import * as Hosts from "@rdev/core/domain/hosts/Hosts"
import * as PublicAddress from "@rdev/runtime-node/http/PublicAddress"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { isIP } from "node:net"
import { resolve } from "node:path"
import * as Admission from "./Admission.ts"

/** The variable, path, flag or resource, what is wrong with it, and what to do. */
export const Problem = Schema.Struct({ field: Schema.String, problem: Schema.String, fix: Schema.String })
export type Problem = typeof Problem.Type

/** Why the server does not start: the variable, flag or resource, and the way out. Never a stack trace. */
export class StartError extends Schema.TaggedError<StartError>()("StartError", {
  /** e.g. `RDEV_PORT`, `port`, `data folder`. */
  field: Schema.String,
  problem: Schema.String,
  fix: Schema.String,
  /** What else is wrong: configuration is mended in one go. */
  more: Schema.optional(Schema.Array(Problem)),
  cause: Schema.optional(Schema.Defect())
}) {
  override get message(): string {
    return [this, ...(this.more ?? [])].map(({ field, fix, problem }) => `${field}: ${problem}. ${fix}`).join("\n")
  }
}

/** One error of several; the same fault found twice is told once. */
export const startErrorOfMany = ([first, ...rest]: readonly [Problem, ...ReadonlyArray<Problem>]): StartError => {
  const told = new Set([`${first.field}\0${first.problem}`])
  const more = rest.filter(({ field, problem }) => {
    const one = `${field}\0${problem}`
    if (told.has(one)) return false
    told.add(one)
    return true
  })
  const { field, fix, problem } = first
  return new StartError({ field, problem, fix, ...(more.length === 0 ? {} : { more }) })
}
export const problemsOf = (error: StartError): readonly [Problem, ...ReadonlyArray<Problem>] => [
  { field: error.field, problem: error.problem, fix: error.fix },
  ...(error.more ?? [])
]

export interface ServerConfig {
  readonly host: string
  /** 0 = any free port. */
  readonly port: number
  /** Data folder: embedded database, repositories, releases, keys. */
  readonly dataDir: string
  /** PostgreSQL; null = the embedded engine in `dataDir`. */
  readonly databaseUrl: string | null
  /** Middle part of the keys this installation makes. */
  readonly keyLabel: string
  /** Host names of projects are `<project>.<domain>`. */
  readonly domain: string
  /** Where people reach this server; null = `http://<host>:<port>`. */
  readonly publicUrl: string | null
  /** The label that makes a feature of a forge's issue. */
  readonly issueLabel: string
  /** Further values of the Host header that are answered. */
  readonly allowedHosts: ReadonlyArray<string>
  readonly allowedOrigins: ReadonlyArray<string>
  /** Hosts, addresses and ranges that repositories may be brought in from although they are not public, and without TLS. */
  readonly sourceAllow: ReadonlyArray<string>
  readonly auth: "keys" | "off"
  /** Tasks that the embedded worker runs at once; 0 = no worker in this process. */
  readonly workerCapacity: number
  /** Agent of new projects that name none; null = the first of the registry. */
  readonly agent: string | null
  /** Run workspaces without a sandbox. */
  readonly unsafeHost: boolean
  /** Network of releases and of commands in a project's own workspace: their own loopback, or the machine's network, its loopback included. */
  readonly projectNetwork: "loopback" | "internet"
  /** How long a stop waits for requests and tasks. */
  readonly drainMillis: number
  /** Requests per key and minute, as many at once; 0 = no limit. */
  readonly rateLimit: number
  /** Commands at once, and who waits. */
  readonly execs: Admission.Limits
  /** Of the machine, per project; null = the default of the adapter (see docs/adapters/local.md). */
  readonly budget: {
    readonly memoryBytes: number | null
    readonly processes: number | null
    readonly diskBytes: number | null
    readonly files: number | null
    readonly reserveBytes: number | null
  }
  /** The variables that it was read from: adapters have some of their own. */
  readonly variables: Readonly<Record<string, string | undefined>>
}

export const loopback: ReadonlySet<string> = new Set(["127.0.0.1", "::1", "localhost"])
export const isLoopback = (host: string): boolean => loopback.has(host) || /^127\.\d+\.\d+\.\d+$/.test(host)

type Read<A> = (value: string) => A | { readonly problem: string; readonly fix: string }
const bad = (problem: string, fix: string) => ({ problem, fix })
const integer =
  (minimum: number, maximum: number): Read<number> =>
  (value) => {
    const number = Number(value)
    return /^\d+$/.test(value) && number >= minimum && number <= maximum
      ? number
      : bad(
          `${JSON.stringify(value)} is not a whole number from ${minimum} to ${maximum}`,
          "Write such a number, or unset it"
        )
  }
const mebibytes =
  (minimum: number): Read<number> =>
  (value) => {
    const read = integer(minimum, 1_000_000_000)(value)
    return typeof read === "number" ? read * 1024 * 1024 : read
  }
const oneOf =
  <const A extends string>(...words: ReadonlyArray<A>): Read<A> =>
  (value) =>
    words.find((word) => word === value) ??
    bad(`${JSON.stringify(value)} is none of ${words.join(", ")}`, `Write ${words.join(" or ")}`)
const pattern =
  (shape: RegExp, expected: string): Read<string> =>
  (value) =>
    shape.test(value) ? value : bad(`${JSON.stringify(value)} is not ${expected}`, `Write ${expected}`)
const list =
  (item: Read<string>): Read<ReadonlyArray<string>> =>
  (value) => {
    const items = value
      .split(",")
      .map((part) => part.trim())
      .filter((part) => part !== "")
      .map(item)
    const wrong = items.find((part) => typeof part !== "string")
    return wrong ?? items.filter((part) => typeof part === "string")
  }
const url =
  (protocols: ReadonlyArray<string>, example: string): Read<string> =>
  (value) => {
    const parsed = URL.parse(value)
    return parsed !== null && protocols.includes(parsed.protocol)
      ? value.replace(/\/$/, "")
      : bad(
          `it is not a URL that starts with ${protocols.map((p) => `${p}//`).join(" or ")}`,
          `Write one like ${example}`
        )
  }
const hostName = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/

const domain: Read<string> = (value) =>
  Result.match(Hosts.domainOf(value), {
    onSuccess: (found) => found,
    onFailure: () =>
      bad(
        `${JSON.stringify(value)} is not a domain that names of projects fit below`,
        "Write a domain such as localhost or apps.example.org, of at most 125 characters"
      )
  })
const host: Read<string> = (value) =>
  isIP(value) !== 0 || value === "localhost"
    ? value
    : bad(
        `${JSON.stringify(value)} is not an address of this machine`,
        "Write an IP address such as 127.0.0.1, or 0.0.0.0 for all"
      )
const place: Read<string> = (value) =>
  Result.isSuccess(PublicAddress.allowing([value]))
    ? value
    : bad(
        `${JSON.stringify(value)} is neither a host name nor an address nor a range`,
        "Write names, addresses or ranges such as 10.1.0.0/16, separated by commas, or unset it"
      )
const flag: Read<boolean> = (value) =>
  value === "1" || value === "true"
    ? true
    : value === "0" || value === "false"
      ? false
      : bad(`${JSON.stringify(value)} is neither true nor false`, "Write true or false")

/** A variable that is set but empty counts as unset. */
export const fromEnvironment = (
  env: Readonly<Record<string, string | undefined>>
): Effect.Effect<ServerConfig, StartError> =>
  Effect.gen(function* () {
    const problems: Array<Problem> = []
    const read = <A>(name: string, decode: Read<A>, fallback: A): A => {
      const raw = env[name]?.trim()
      if (raw === undefined || raw === "") return fallback
      const value = decode(raw)
      if (typeof value !== "object" || value === null || !("problem" in value) || !("fix" in value)) return value as A
      problems.push({ field: name, problem: value.problem, fix: value.fix })
      return fallback
    }
    const config: ServerConfig = {
      host: read("RDEV_HOST", host, "127.0.0.1"),
      port: read("RDEV_PORT", integer(0, 65_535), 4848),
      dataDir: resolve(env["RDEV_DATA_DIR"]?.trim() || ".rdev"),
      databaseUrl: read<string | null>(
        "RDEV_DATABASE_URL",
        url(["postgres:", "postgresql:"], "postgresql://user:password@db.internal:5432/rdev"),
        null
      ),
      // RDEV_ENV is its former name.
      keyLabel: read(
        (env["RDEV_KEY_LABEL"]?.trim() ?? "") !== "" ? "RDEV_KEY_LABEL" : "RDEV_ENV",
        pattern(/^[a-z][a-z0-9]{0,15}$/, "a short word such as local, staging or prod (lower-case letters and digits)"),
        "local"
      ),
      domain: read("RDEV_DOMAIN", domain, "localhost"),
      publicUrl: read<string | null>("RDEV_PUBLIC_URL", url(["http:", "https:"], "https://rdev.example.org"), null),
      issueLabel: read(
        "RDEV_ISSUE_LABEL",
        pattern(/^[^\s,](?:[^\p{C},]{0,48}[^\s,])?$/u, "a label of at most 50 characters, without a comma"),
        "rdev"
      ),
      allowedHosts: read("RDEV_ALLOWED_HOSTS", list(pattern(hostName, "a host name without scheme and port")), []),
      allowedOrigins: read("RDEV_ALLOWED_ORIGINS", list(url(["http:", "https:"], "https://studio.example.org")), []),
      sourceAllow: read("RDEV_SOURCE_ALLOW", list(place), []),
      auth: read("RDEV_AUTH", oneOf("keys", "off"), "keys"),
      workerCapacity: read("RDEV_WORKER_CAPACITY", integer(0, 1000), 4),
      agent: read<string | null>(
        "RDEV_AGENT",
        pattern(/^[a-z][a-z0-9-]{0,38}$/, "the name of an agent such as scripted or claude"),
        null
      ),
      unsafeHost: read("RDEV_UNSAFE_HOST", flag, false),
      projectNetwork: read("RDEV_PROJECT_NETWORK", oneOf("loopback", "internet"), "loopback"),
      drainMillis: 1000 * read("RDEV_DRAIN_SECONDS", integer(0, 3600), 10),
      rateLimit: read("RDEV_RATE_LIMIT", integer(0, 1_000_000), 60_000),
      execs: {
        total: read("RDEV_EXECS", integer(1, 10_000), Admission.defaults.total),
        perProject: read("RDEV_PROJECT_EXECS", integer(1, 10_000), Admission.defaults.perProject),
        perKey: read("RDEV_KEY_EXECS", integer(1, 10_000), Admission.defaults.perKey),
        waiting: read("RDEV_EXECS_WAITING", integer(0, 100_000), Admission.defaults.waiting),
        waitMillis: 1000 * read("RDEV_EXECS_WAIT_SECONDS", integer(0, 60), Admission.defaults.waitMillis / 1000)
      },
      budget: {
        memoryBytes: read<number | null>("RDEV_PROJECT_MEMORY_MIB", mebibytes(64), null),
        processes: read<number | null>("RDEV_PROJECT_PROCESSES", integer(16, 4_000_000), null),
        diskBytes: read<number | null>("RDEV_PROJECT_DISK_MIB", mebibytes(1), null),
        files: read<number | null>("RDEV_PROJECT_FILES", integer(100, 1_000_000_000), null),
        reserveBytes: read<number | null>("RDEV_DISK_RESERVE_MIB", mebibytes(0), null)
      },
      variables: env
    }
    const checked = yield* Effect.result(check(config))
    if (Result.isFailure(checked)) problems.push(...problemsOf(checked.failure))
    const [first, ...more] = problems
    return first === undefined ? config : yield* startErrorOfMany([first, ...more])
  })

/** What no single value shows. */
export const check = (config: ServerConfig): Effect.Effect<ServerConfig, StartError> =>
  config.auth === "off" && !isLoopback(config.host)
    ? Effect.fail(
        new StartError({
          field: "RDEV_AUTH",
          problem: `without keys anybody who reaches ${config.host} could do anything`,
          fix: "Set RDEV_AUTH=keys, or bind a loopback address (RDEV_HOST=127.0.0.1)"
        })
      )
    : Effect.succeed(config)
