/**
 * `rdev up`: the server on embedded defaults. A first start also shows the demo; later ones find their data and are up at once.
 * `rdev demo`: the same run in a folder that is thrown away.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type { LogLevel } from "effect/LogLevel"
import * as References from "effect/References"
import type { LiveRelease } from "@rdev/server/LiveReleases"
import * as Preload from "@rdev/server/installation/Preload"
import type { StartError } from "@rdev/server/ServerConfig"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Connection from "./Connection.ts"
import * as Demo from "./Demo.ts"
import { type CliFailure, fail } from "./Failure.ts"
import { given } from "./adapters/GivenLayers.ts"
import { logLines } from "./LogLines.ts"
import { duration, Screen } from "./Screen.ts"

export interface UpOptions {
  readonly dataDir: string | null
  readonly host: string | null
  readonly port: number | null
  readonly unsafeHost: boolean
  readonly demo: boolean
  /** Ends without waiting for work under way: nothing of it is kept. */
  readonly abrupt?: boolean
}

/** Flags win over variables; the server reads one set of variables. */
const variables = (options: UpOptions): Record<string, string | undefined> => ({
  ...process.env,
  ...(options.dataDir === null ? {} : { RDEV_DATA_DIR: options.dataDir }),
  ...(options.host === null ? {} : { RDEV_HOST: options.host }),
  ...(options.port === null ? {} : { RDEV_PORT: String(options.port) }),
  ...(options.unsafeHost ? { RDEV_UNSAFE_HOST: "true" } : {}),
  ...(options.abrupt === true ? { RDEV_DRAIN_SECONDS: "0" } : {})
})

/** What was given by a flag is a mistake of that flag. */
const flagged = (error: StartError, options: UpOptions): StartError | CliFailure => {
  const flag =
    error.field === "RDEV_PORT" && options.port !== null
      ? "--port"
      : error.field === "RDEV_HOST" && options.host !== null
        ? "--host"
        : null
  return flag === null || error.more !== undefined
    ? error
    : fail("usage", `${flag}: ${error.problem}. ${error.fix.replace(", or unset it", "")}`)
}

const levels = new Map([
  ["debug", "Debug"],
  ["info", "Info"],
  ["warn", "Warn"],
  ["error", "Error"],
  ["none", "None"]
] as const)
/** RDEV_LOG_LEVEL. */
const logLevel = Effect.suspend(() => {
  const wanted = process.env["RDEV_LOG_LEVEL"]?.trim() || "warn"
  const level = new Map<string, LogLevel>(levels).get(wanted.toLowerCase())
  return level === undefined
    ? Effect.fail(
        fail(
          "failed",
          `RDEV_LOG_LEVEL: ${JSON.stringify(wanted)} is none of ${[...levels.keys()].join(", ")}. Write one of them, or unset it`
        )
      )
    : Effect.succeed(level)
})

/** The log beside the live display: warnings and worse. RDEV_LOG_LEVEL changes the threshold. */
const logging = (screen: Screen, level: LogLevel) => {
  const logger = Logger.make((entry) => {
    for (const line of logLines(entry)) screen.line(screen.style.dim(line))
  })
  return Layer.mergeAll(Logger.layer([logger]), Layer.succeed(References.MinimumLogLevel, level))
}

/** Imported here, so that the other commands start without the server's code. */
const load = Effect.promise(async () => {
  Preload.begin(process.env["RDEV_DATABASE_URL"])
  const [Server, Configuration] = await Promise.all([
    import("@rdev/server/Server"),
    import("@rdev/server/installation/Configuration")
  ])
  return { Server, Configuration }
})

const boot = Effect.fn("Up.boot")(function* (options: UpOptions, screen: Screen) {
  const level = yield* logLevel
  const { Configuration, Server } = yield* load
  const { config, installation } = yield* Configuration.read({
    env: variables(options),
    // What is thrown away leaves nothing anywhere else.
    ...(options.abrupt === true ? { embedded: true } : { layers: given.layers })
  }).pipe(Effect.mapError((error) => flagged(error, options)))
  const running = yield* Server.start(config, installation).pipe(Effect.provide(logging(screen, level)))
  const address = running.url
  yield* Effect.acquireRelease(
    Effect.sync(() => Connection.announce(config.dataDir, address)),
    () => Effect.sync(() => Connection.withdraw(config.dataDir))
  )
  return { config, installation, running, version: Server.version }
})

const urls = (screen: Screen, url: string, releases: ReadonlyArray<LiveRelease>) => {
  const row = (name: string, address: string) => screen.line(`  ${name.padEnd(12)} ${screen.style.cyan(address)}`)
  row("API", `${url}/api/v1`)
  row("Reference", `${url}/scalar`)
  for (const release of releases) row(release.project, release.url)
}

const showDemo = Effect.fn("Up.showDemo")(function* (port: number, key: string, screen: Screen) {
  const target = Connection.targetOf(`http://127.0.0.1:${port}`, key)
  const before = process.cpuUsage()
  const outcome = yield* Demo.run(target, screen)
  Demo.summary(screen, outcome, process.cpuUsage(before))
  const { style } = screen
  screen.line()
  if (outcome.released) screen.line(style.green(`Released: ${outcome.previewUrl}`))
  else if (outcome.waits !== null)
    screen.line(
      style.yellow(
        `It waits for you: ${outcome.waits.action} (${outcome.waits.reason}). Decide with \`rdev approve ${Demo.defaults.project} ${outcome.slug}\``
      )
    )
  return outcome
})

/** The demo of a first start; what goes wrong in it is told, and the server stays up. Returns what it released. */
const firstDemo = Effect.fn("Up.firstDemo")(function* (port: number, key: string, screen: Screen) {
  const outcome = yield* showDemo(port, key, screen).pipe(
    Effect.catchTag("CliFailure", (error) =>
      Effect.sync(() => {
        screen.line(screen.style.red(`The demo did not work: ${error.message}`))
        return null
      })
    )
  )
  screen.line()
  return outcome?.released === true ? [{ project: Demo.defaults.project, url: outcome.previewUrl }] : []
})

export const up = Effect.fn("Up.up")(function* (options: UpOptions) {
  const began = performance.now()
  const screen = new Screen(process.stdout)
  const { style } = screen
  const { config, installation, running, version } = yield* boot(options, screen)
  screen.line(
    `${style.bold(`rdev ${version}`)} ${style.dim(`${installation.shared ? "PostgreSQL" : "embedded"} · data in ${config.dataDir} · up in ${duration(performance.now() - began)}`)}`
  )
  if (installation.file !== null) screen.line(style.dim(`  Adapters by ${installation.file}`))
  if (config.unsafeHost)
    screen.line(style.red("  Workspaces run WITHOUT isolation: agents can read and change what this user can."))
  if (config.auth === "off")
    screen.line(style.red("  No key is asked for: every program of this machine can use the API."))
  if (running.newKey !== null) {
    screen.line(`  ${"Admin key".padEnd(12)} ${running.newKey.key}`)
    screen.line(
      style.dim(`  ${"".padEnd(12)} shown this once; also in ${running.newKey.file}, where the commands find it`)
    )
  }
  const released =
    running.newKey !== null && options.demo ? yield* firstDemo(running.port, running.newKey.key, screen) : []
  urls(screen, running.url, [...running.releases, ...released])
  screen.line(style.dim("  Ctrl-C stops it; what is under way goes on at the next start."))
  return yield* Effect.never
}, Effect.scoped)

export const demo = Effect.fn("Up.demo")(function* (options: Omit<UpOptions, "dataDir" | "demo">) {
  const screen = new Screen(process.stdout)
  const dataDir = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "rdev-demo-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  )
  // A free port, so that the demo never meets a server that is up.
  const { running, version } = yield* boot(
    { ...options, port: options.port ?? 0, dataDir, demo: true, abrupt: true },
    screen
  )
  screen.line(
    `${screen.style.bold(`rdev ${version}`)} ${screen.style.dim("embedded · in a folder that is thrown away")}`
  )
  const outcome = yield* showDemo(running.port, running.newKey?.key ?? "", screen)
  if (outcome.released) {
    const page = yield* Effect.promise(() => preview(outcome.previewUrl, running.port))
    screen.line(`  ${page}`)
    return
  }
  return yield* fail(
    "failed",
    `the demo's feature was not released${outcome.waits === null ? "" : `: it waits for ${outcome.waits.action}`}`
  )
}, Effect.scoped)

/** Asks the release itself, by address: not every resolver knows names under localhost. */
const preview = async (url: string, port: number): Promise<string> => {
  const { get } = await import("node:http")
  return new Promise((resolve) => {
    get({ host: "127.0.0.1", port, path: "/", headers: { host: new URL(url).host } }, (response) => {
      response.resume()
      resolve(`The preview answers ${response.statusCode ?? 0}.`)
    }).on("error", (error) => resolve(`The preview does not answer: ${error.message}`))
  })
}
