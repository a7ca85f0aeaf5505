/**
 * Brings a clone to the state in which everything runs: packages installed as the lockfile says, sources built.
 * Runs on any Node ≥ 20 without node_modules. Does nothing that is done already.
 */
import { spawnSync } from "node:child_process"
import { existsSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs"
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

const installed = () => {
  const marker = join(root, "node_modules", ".package-lock.json")
  return existsSync(marker) && statSync(marker).mtimeMs >= statSync(join(root, "package-lock.json")).mtimeMs - 1
}

const install = (quiet) => {
  if (installed()) return
  if (!quiet) console.log("rdev: installing packages (once) …")
  // Not `npm ci`: it refuses a lockfile that does not name the binaries of every platform, and a registry that carries only some
  // platforms cannot give one. Versions come from the lockfile all the same, and it is not written.
  const result = spawnSync("npm", ["install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    env: process.env,
    encoding: "utf8"
  })
  if (result.status !== 0) {
    console.error(result.stdout ?? "", result.stderr ?? "")
    fail("npm install failed; the npm registry must be reachable on the first run")
  }
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
/** Touched after every build, so that a start with nothing to do costs a few milliseconds instead of a task runner. */
const stamp = join(root, "node_modules", ".rdev-built")
const built = () =>
  existsSync(stamp) &&
  readdirSync(join(root, "packages")).every((name) => existsSync(join(root, "packages", name, "dist"))) &&
  ["packages", "tsup.config.ts", "tsconfig.base.json", "package-lock.json"].every(
    (path) => newest(join(root, path)) <= statSync(stamp).mtimeMs
  )

const build = (quiet) => {
  if (built()) return
  const started = new Date()
  const result = spawnSync("turbo", ["run", "build", "--output-logs=errors-only"], {
    cwd: root,
    env: environment(),
    encoding: "utf8"
  })
  if (result.status !== 0) {
    console.error(result.stdout ?? "", result.stderr ?? "")
    fail("the build failed")
  }
  writeFileSync(stamp, "")
  utimesSync(stamp, started, started)
  if (!quiet && !/FULL TURBO/.test(result.stdout)) console.log("rdev: built")
}

export const setup = ({ quiet = false } = {}) => {
  // What was installed and built here was checked then; asking programs for their versions again would delay every start.
  if (installed() && built()) return
  guardVersions()
  install(quiet)
  guardProjectNode()
  build(quiet)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) setup()
