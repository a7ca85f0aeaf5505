/** `rdev doctor`: what this machine and the chosen adapters offer and what is missing, each with the way to get it. */
import * as Effect from "effect/Effect"
import { spawnSync } from "node:child_process"
import { accessSync, constants, readdirSync, statSync } from "node:fs"
import { local } from "./adapters/AdaptersCommand.ts"
import { ask, dataDirOf, find, type Where } from "./Connection.ts"
import { Screen } from "./Screen.ts"
import { jsonText } from "./TerminalText.ts"

export interface Check {
  readonly name: string
  readonly ok: boolean
  readonly needed: boolean
  readonly detail: string
}

const program = (name: string, args: ReadonlyArray<string>, needed: boolean, fix: string): Check => {
  const found = spawnSync(name, args, { encoding: "utf8", timeout: 5_000 })
  const ok = found.status === 0
  return { name, ok, needed, detail: ok ? (`${found.stdout}${found.stderr}`.trim().split("\n", 1)[0] ?? "") : fix }
}

interface Asked {
  readonly slot: string
  readonly use: string
  readonly health: {
    readonly ok: boolean
    readonly detail: string
    readonly checks?: ReadonlyArray<{ readonly name: string; readonly ok: boolean; readonly detail: string }>
  }
}
/** Of the slot that isolates commands each wall is told, of the others what is wrong. */
const slotChecks = ({ health, slot, use }: Asked): ReadonlyArray<Check> => {
  const { checks = [], detail, ok } = health
  const walls = slot === "workspaces" && use === "local"
  return [
    { name: walls ? "isolation" : `${slot} (${use})`, ok, needed: true, detail },
    ...(walls ? checks : []).map((one): Check => ({ ...one, name: `  ${one.name}`, needed: false }))
  ]
}

/** What is chosen, each tried for real on this machine, as a start would find it. What is wrong with the choice is told instead. */
const slotsOf = (dataDir: string | null) =>
  Effect.gen(function* () {
    const { config, installation } = yield* local(dataDir)
    const { tryAll } = yield* Effect.promise(() => import("@rdev/server/installation/Probe"))
    return (yield* tryAll(config, installation)).flatMap(slotChecks)
  }).pipe(
    Effect.scoped,
    Effect.catch((error) =>
      Effect.succeed(
        [error, ...(error.more ?? [])].map(({ field, fix, problem }): Check => ({
          name: field,
          ok: false,
          needed: true,
          detail: `${problem}. ${fix}`
        }))
      )
    )
  )

const dataFolder = (dataDir: string): Check => {
  const check = (ok: boolean, detail: string): Check => ({
    name: "data folder",
    ok,
    needed: true,
    detail: `${dataDir} ${detail}`
  })
  const choose = "choose another with --data-dir (RDEV_DATA_DIR)"
  try {
    const found = statSync(dataDir, { throwIfNoEntry: false })
    if (found === undefined) return check(true, "does not exist: the next start makes an installation")
    if (!found.isDirectory()) return check(false, `is a file, not a folder; ${choose}`)
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK)
    const names = readdirSync(dataDir)
    if (names.length === 0) return check(true, "is empty: the next start makes an installation")
    if (names.includes("admin.key")) return check(true, "holds an installation")
    return names.includes("pepper") || names.includes("database")
      ? check(
          true,
          "holds an installation without its file admin.key: give the commands a key with --key (RDEV_API_KEY)"
        )
      : check(true, "holds other files: the next start makes an installation beside them")
  } catch (cause) {
    return check(false, `cannot be used (${cause instanceof Error ? cause.message : String(cause)}); ${choose}`)
  }
}

const machine = (): ReadonlyArray<Check> => {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)
  const recent = major > 22 || (major === 22 && minor >= 19)
  const bubblewrap = program(
    "bwrap",
    ["--version"],
    false,
    "not installed (apt install bubblewrap); Linux namespaces are used where they work"
  )
  const namespaces =
    process.platform === "linux"
      ? program(
          "unshare",
          ["--user", "--map-root-user", "--mount", "true"],
          false,
          "user namespaces are not allowed here"
        )
      : null
  return [
    {
      name: "node",
      ok: recent,
      needed: true,
      detail: `${process.version}${recent ? "" : ": install 22.19 or newer"}`
    },
    program("git", ["--version"], true, "not found: install git 2.38 or newer"),
    bubblewrap,
    ...(namespaces === null
      ? []
      : [{ ...namespaces, name: "namespaces", detail: namespaces.ok ? "user namespaces work" : namespaces.detail }])
  ]
}

const server = (where: Where) =>
  Effect.gen(function* () {
    const target = yield* find(where)
    const health = yield* ask(target, (rdev, call) => rdev.system.health({}, call))
    const checks: Array<Check> = [
      {
        name: "server",
        ok: health.status === "ok",
        needed: false,
        detail: `${target.url}: ${health.status}, ${health.mode}, version ${health.version}`
      }
    ]
    for (const one of health.checks) checks.push({ ...one, name: `  ${one.name}`, needed: true })
    const { agents } = yield* ask(target, (rdev, call) => rdev.catalogue.agents({}, call))
    for (const agent of agents)
      checks.push({ name: `agent ${agent.name}`, ok: agent.ready, needed: false, detail: agent.message })
    return checks
  }).pipe(
    Effect.catch((error) =>
      Effect.succeed<ReadonlyArray<Check>>([{ name: "server", ok: false, needed: false, detail: error.message }])
    )
  )

/** False when something that is needed is missing. */
export const doctor = Effect.fn("Doctor.doctor")(function* (where: Where, json: boolean) {
  const checks = [
    ...machine(),
    ...(yield* slotsOf(where.dataDir)),
    dataFolder(dataDirOf(where)),
    ...(yield* server(where))
  ]
  const ok = checks.every((check) => check.ok || !check.needed)
  const screen = new Screen(process.stdout)
  if (json) screen.line(jsonText({ ok, checks }))
  else
    for (const { detail, name, needed, ok } of checks)
      screen.line(
        `${ok ? screen.style.green("✓") : needed ? screen.style.red("✗") : screen.style.dim("–")} ${name.padEnd(24)} ${detail}`
      )
  return ok
})
