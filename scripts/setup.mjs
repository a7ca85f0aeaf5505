/**
 * Brings a clone to the state in which it runs: packages installed as the lockfile says, programs built; with `all`, the libraries and
 * their declarations too. Says what it does and how long that took. Runs on any Node ≥ 20 without node_modules. Does nothing that is
 * done already.
 */
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

const fail = (message) => {
  console.error(`rdev: ${message}`)
  process.exit(1)
}

/** The environment of every child: the project's own Node and tools first on the PATH. */
export const environment = () => ({
  ...process.env,
  PATH: `${join(root, "node_modules", ".bin")}:${process.env["PATH"] ?? ""}`,
  TURBO_TELEMETRY_DISABLED: "1",
  DO_NOT_TRACK: "1"
})

export const run = (command, args, options = {}) => {
  const result = spawnSync(command, args, { cwd: root, env: environment(), stdio: "inherit", ...options })
  if (result.error) fail(`${command} could not be started: ${result.error.message}`)
  return result.status ?? 1
}

const guardVersions = () => {
  const major = Number(process.versions.node.split(".")[0])
  if (major < 20)
    fail(`Node ${process.versions.node} is too old; install Node 20 or newer (the project then uses its own Node 24)`)
  const git = spawnSync("git", ["--version"], { encoding: "utf8" })
  if (git.error) fail("git is missing; install git 2.38 or newer")
}

/** One step with a line before it and its seconds after it. A command that was stopped by Ctrl-C ends this process the same way. */
const step = (title, work) => {
  const began = performance.now()
  console.error(`rdev: ${title} …`)
  const { error, signal, status, stderr, stdout } = work()
  if (signal !== null && signal !== undefined) process.kill(process.pid, signal)
  if (error || status !== 0) {
    console.error(`${stdout ?? ""}${stderr ?? ""}`.trimEnd())
    fail(`${title} failed${error ? `: ${error.message}` : ""}`)
  }
  console.error(`rdev: … ${((performance.now() - began) / 1000).toFixed(1)} s`)
}

const lock = join(root, "package-lock.json")
const lockHash = () => createHash("sha256").update(readFileSync(lock)).digest("hex")
/** Which lockfile was installed. */
const installedStamp = join(root, "node_modules", ".rdev-installed")
const installed = () => existsSync(installedStamp) && readFileSync(installedStamp, "utf8") === lockHash()

const install = () => {
  if (installed()) return
  // `npm ci` begins by deleting what is there; after a change of a few packages adding those is quicker. Neither writes the lockfile.
  const fresh = !existsSync(join(root, "node_modules"))
  const args = fresh ? ["ci"] : ["install", "--no-save"]
  step(`installing packages (npm ${args[0]}, once)`, () =>
    spawnSync("npm", [...args, "--no-audit", "--no-fund", "--loglevel=error"], {
      cwd: root,
      env: process.env,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"]
    })
  )
  writeFileSync(installedStamp, lockHash())
}

/** Node 24 comes from the lockfile; without it an older Node would run silently. */
const guardProjectNode = () => {
  const version = spawnSync("node", ["--version"], { env: environment(), encoding: "utf8" }).stdout?.trim() ?? "none"
  const wanted = Number(version.slice(1).split(".")[0])
  if (!(wanted >= 24)) {
    const { optionalDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
    const names = Object.keys(optionalDependencies)
      .filter((name) => name.startsWith("node-"))
      .join(", ")
    fail(
      `this machine runs Node ${version} and none of ${names} was installed; install Node 24 or newer, or run npm ci with optional dependencies`
    )
  }
}

const newest = (path) => {
  const stat = statSync(path)
  if (!stat.isDirectory()) return stat.mtimeMs
  return readdirSync(path)
    .filter((name) => name !== "node_modules" && name !== "dist" && name !== "test" && name !== "bench")
    .reduce((latest, name) => Math.max(latest, newest(join(path, name))), 0)
}
const shown = { cwd: root, env: environment(), encoding: "utf8" }
const programs = ["cli/dist/program/rdev.js", "sdlc/dist/cli/main.js", "runtime-node/dist/LaunchHelper.js"]
const builds = {
  program: {
    title: "building the programs",
    stamp: join(root, "node_modules", ".rdev-program"),
    complete: () => programs.every((path) => existsSync(join(root, "packages", path))),
    make: () => spawnSync("node", ["scripts/program.mjs"], { ...shown, stdio: ["ignore", "pipe", "inherit"] })
  },
  all: {
    title: "building every package",
    stamp: join(root, "node_modules", ".rdev-built"),
    complete: () =>
      readdirSync(join(root, "packages")).every((name) =>
        existsSync(join(root, "packages", name, "dist", "index.d.ts"))
      ),
    make: () => {
      // Its files carry hashes: what the short build left would stay beside what a cache brings back.
      rmSync(join(root, "packages", "cli", "dist", "program"), { recursive: true, force: true })
      return spawnSync("turbo", ["run", "build", "--output-logs=errors-only"], shown)
    }
  }
}
/** Stamps are touched after every build, so that a start with nothing to do costs a few milliseconds instead of a task runner. */
const built = ({ complete, stamp }) =>
  existsSync(stamp) &&
  complete() &&
  ["packages", "tsup.config.ts", "tsconfig.base.json", "package-lock.json"].every(
    (path) => newest(join(root, path)) <= statSync(stamp).mtimeMs
  )

/** What is built in full has the programs too. */
const ready = (wanted) => built(builds.all) || (wanted === "program" && built(builds.program))

const build = (wanted) => {
  if (ready(wanted)) return
  const { make, stamp, title } = builds[wanted]
  const started = new Date()
  step(title, make)
  writeFileSync(stamp, "")
  utimesSync(stamp, started, started)
}

/** `wanted` is "program" (what runs here) or "all" (what is published). */
export const setup = (wanted = "program") => {
  // What was installed and built here was checked then; asking programs for their versions again would delay every start.
  if (installed() && ready(wanted)) return
  guardVersions()
  install()
  guardProjectNode()
  build(wanted)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  // Answers only: 0 when the programs are those of the sources.
  if (process.argv[2] === "check") process.exit(installed() && ready("program") ? 0 : 1)
  setup(process.argv[2] === "all" ? "all" : "program")
}
