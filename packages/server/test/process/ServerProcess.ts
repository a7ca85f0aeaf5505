/** Starts, kills and asks a server process. Everything it starts ends with the scope. */
import { Effect, Schedule } from "effect"
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

/** `serve` answers and works, `work` only works. */
export type Role = "serve" | "work"
const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))
/** Bundled: from its sources a server spends more than a third of its start in loading them. */
const programs = new Map<Role, string>()
const program = (role: Role): string => {
  const known = programs.get(role)
  if (known !== undefined) return known
  const made = execFileSync(process.execPath, [at("../../../../scripts/testProgram.mjs"), at(`./${role}.ts`)])
  programs.set(role, made.toString().trim())
  return program(role)
}

export interface ServerProcess {
  readonly url: string
  readonly pid: number
  readonly startMillis: number
  /** `SIGKILL` by default; resolves when the process is gone. */
  readonly kill: (signal?: NodeJS.Signals) => Promise<number | null>
}

/** `close` comes after everything that was printed has been read. */
const ending = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => child.once("close", (code) => resolve(code)))

const launch = async (env: Readonly<Record<string, string>>, role: Role): Promise<ServerProcess> => {
  const before = performance.now()
  const child = spawn(process.execPath, [program(role)], {
    env: { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "", RDEV_PORT: "0", ...env },
    stdio: ["ignore", "pipe", "pipe"]
  })
  const over = ending(child)
  let errors = ""
  child.stderr.on("data", (chunk: Buffer) => {
    errors = `${errors}${chunk.toString("utf8")}`.slice(-4_000)
  })
  const lines = createInterface({ input: child.stdout })
  const first = await Promise.race([
    new Promise<string | null>((resolve) =>
      lines.on("line", (line) => {
        if (line.startsWith("{")) resolve(line)
      })
    ),
    over.then(() => null)
  ])
  if (first === null) throw new Error(`the server ended with ${child.exitCode}: ${errors}`)
  child.stdout.resume()
  return {
    url: (JSON.parse(first) as { readonly url: string }).url,
    pid: child.pid ?? 0,
    startMillis: performance.now() - before,
    kill: (signal = "SIGKILL") => {
      child.kill(signal)
      return over
    }
  }
}

export const start = (dataDir: string, env: Readonly<Record<string, string>> = {}, role: Role = "serve") =>
  Effect.acquireRelease(
    Effect.tryPromise({
      try: () => launch({ RDEV_DATA_DIR: dataDir, ...env }, role),
      catch: (cause) => (cause instanceof Error ? cause.message : String(cause))
    }),
    (server) => Effect.promise(() => server.kill())
  )

export const dataFolder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "rdev-process-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

/** A JSON request with the folder's admin key. */
export const ask = (dataDir: string, server: ServerProcess, method: string, path: string, body?: unknown) =>
  Effect.promise(async () => {
    const response = await fetch(`${server.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${readFileSync(join(dataDir, "admin.key"), "utf8").trim()}`,
        ...(body === undefined ? {} : { "content-type": "application/json" })
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    const text = await response.text()
    return { status: response.status, body: (text === "" ? null : JSON.parse(text)) as Readonly<Record<string, never>> }
  })

/** Asks again until the answer satisfies the predicate, for at most `seconds`. */
export const until = <A, E>(question: Effect.Effect<A, E>, satisfied: (answer: A) => boolean, seconds: number) =>
  Effect.gen(function* () {
    const answer = yield* question
    return satisfied(answer) ? answer : yield* Effect.fail("not yet" as const)
  }).pipe(
    Effect.retry({ while: (error) => error === "not yet", schedule: Schedule.spaced("50 millis") }),
    Effect.timeout(`${seconds} seconds`)
  )
