/**
 * `npm run test:lab -- NAME… [FILE…] [option of vitest…]`: the tests that need a real server (`*.lab.test.ts`), with the servers they need.
 *
 * A lab is a folder with `vendors/NAME/{up,status,down}` (RDEV_LAB, else ../shared/lab beside the checkout): `up` starts a server, or
 * finds it running, and prints how to reach it as KEY=VALUE lines, which the tests get as their environment. A test says what it needs
 * in a comment `// lab: redis powerdns`, and runs when all of that was named. Servers that were running are left running.
 *
 * `--built` is for the gate: every server that starts in a moment, without building anything; what was left out is said and is no fault.
 */
import { spawnSync } from "node:child_process"
import { existsSync, globSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { homedir, tmpdir } from "node:os"
import { delimiter, dirname, join, resolve } from "node:path"
import { root, setup } from "./setup.mjs"
import { vitest } from "./vitestTotals.mjs"

const lab = resolve(process.env["RDEV_LAB"] ?? join(dirname(root), "shared", "lab"))
const vendors = join(lab, "vendors")
const script = (name, verb) => join(vendors, name, verb)
const known = existsSync(vendors) ? readdirSync(vendors).filter((name) => existsSync(script(name, "up"))) : []

/** What stands behind another server, and is started before it. */
const behind = { pebble: ["powerdns"], "actions-runner": ["gitea"] }
const withThoseBehind = (names) => [...new Set(names.flatMap((name) => [...withThoseBehind(behind[name] ?? []), name]))]

/** The program that a distribution's package brings; of the others the lab keeps what it has built. */
const packaged = { redis: "redis-server", powerdns: "pdns_server" }
const builds = join(process.env["RDEV_LAB_CACHE"] ?? join(homedir(), ".cache", "rdev-lab"), "vendors", "bin")
const isBuilt = (name) =>
  packaged[name] === undefined
    ? existsSync(join(builds, name))
    : `${process.env["PATH"]}${delimiter}/usr/sbin`
        .split(delimiter)
        .some((dir) => existsSync(join(dir, packaged[name])))

/**
 * Who uses a server, by process: it is taken down by the last of those that use it, if one of them started it. Several of these
 * commands may run on a machine at once.
 */
const uses = (name) => join(tmpdir(), `rdev-lab-${process.getuid?.() ?? 0}`, name)
const isAlive = (pid) => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === "EPERM"
  }
}
const others = (name) =>
  readdirSync(uses(name)).filter((one) => /^\d+$/.test(one) && Number(one) !== process.pid && isAlive(Number(one)))
const isUp = (name) => spawnSync(script(name, "status"), { stdio: "ignore" }).status === 0

const begin = (name, seconds) => {
  mkdirSync(uses(name), { recursive: true })
  writeFileSync(join(uses(name), String(process.pid)), "")
  if (!isUp(name)) writeFileSync(join(uses(name), "started"), "")
  const { error, signal, status, stdout } = spawnSync(script(name, "up"), {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    ...(seconds === undefined ? {} : { timeout: seconds * 1000 })
  })
  if (error?.code === "ETIMEDOUT") return { reason: `did not start within ${seconds} s` }
  if (error) return { reason: error.message }
  if (status !== 0) return { reason: `its \`up\` ended with ${status ?? signal}` }
  const pairs = stdout.split("\n").flatMap((text) => {
    const [, key, value] = /^([A-Z][A-Z0-9_]*)=(.*)$/.exec(text) ?? []
    return key === undefined ? [] : [[key, value]]
  })
  return pairs.length === 0
    ? { reason: "its `up` printed no KEY=VALUE line" }
    : { variables: Object.fromEntries(pairs) }
}
const end = (name) => {
  if (!existsSync(uses(name))) return
  rmSync(join(uses(name), String(process.pid)), { force: true })
  if (others(name).length > 0 || !existsSync(join(uses(name), "started"))) return
  rmSync(uses(name), { recursive: true })
  spawnSync(script(name, "down"), { stdio: ["ignore", "ignore", "inherit"] })
}

const needs = (file) => /^\/\/ lab: (.+)$/m.exec(readFileSync(file, "utf8"))?.[1].trim().split(/\s+/)
const tests = globSync(["packages/*/test/**/*.lab.test.ts", "examples/*/test/**/*.lab.test.ts"], { cwd: root }).sort()

const usage = (message) => {
  console.error(`lab: ${message}`)
  console.error(
    "usage: npm run test:lab -- NAME… [FILE…] [option of vitest…], or --built for all that start without a build"
  )
  process.exit(2)
}
const given = process.argv.slice(2)
const gate = given[0] === "--built"
const words = gate ? given.slice(1) : given
const firstOption = words.findIndex((word) => word.startsWith("-"))
const plain = firstOption < 0 ? words : words.slice(0, firstOption)
const options = firstOption < 0 ? [] : words.slice(firstOption)
const only = plain.filter((word) => word.includes("/") || word.endsWith(".ts"))
const named = plain.filter((word) => !only.includes(word))

for (const file of tests) if (needs(file) === undefined) usage(`${file} does not say what it needs: // lab: NAME…`)
if (gate && named.length > 0) usage("--built takes no names")
if (!gate && named.length === 0) usage(`name a server; there are: ${known.join(", ") || `none in ${vendors}`}`)
const unknown = named.filter((name) => !known.includes(name))
if (unknown.length > 0)
  usage(
    known.length === 0
      ? `there is no lab at ${lab}; set RDEV_LAB to the folder that holds vendors/NAME/up`
      : `no server ${unknown.join(", ")}; there are: ${known.join(", ")}`
  )

let skipped = 0
const skip = (what, why) => {
  skipped++
  console.log(`lab: skipped ${what}: ${why}`)
}
if (gate && known.length === 0) {
  skip(`${tests.length} files`, `there is no lab at ${lab}`)
  process.exit(0)
}
const wanted = withThoseBehind(gate ? [...new Set(tests.flatMap(needs))] : named)
const began = []
const variables = {}
const absent = new Map()
let broken = false
const endAll = () => {
  for (const name of began.splice(0).reverse()) end(name)
}
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
  process.on(signal, () => {
    endAll()
    process.exit(130)
  })
process.on("exit", endAll)

for (const name of wanted) {
  const lacking = (behind[name] ?? []).find((one) => absent.has(one))
  if (lacking !== undefined) absent.set(name, `it needs ${lacking}, which is not up`)
  else if (!known.includes(name)) absent.set(name, `the lab at ${lab} has no such server`)
  else if (gate && !isBuilt(name)) absent.set(name, `not built; build it with ${script(name, "up")}`)
  else {
    began.push(name)
    const { reason, variables: found } = begin(name, gate ? 60 : undefined)
    if (reason === undefined) Object.assign(variables, found)
    else {
      absent.set(name, reason)
      broken = true
    }
  }
  if (absent.has(name)) console.log(`lab: no ${name}: ${absent.get(name)}`)
}
const chosen = tests.filter(
  (file) => only.length === 0 || only.some((part) => file.includes(part.replace(/^\.\//, "")))
)
const runs = chosen.filter((file) => {
  const missing = needs(file).filter((name) => !wanted.includes(name) || absent.has(name))
  if (missing.length === 0) return true
  const [first] = missing
  // Tests of servers that nobody asked for are not of interest, those that lack one of several are.
  if (gate || needs(file).some((name) => named.includes(name)))
    skip(file, `${first}: ${absent.get(first) ?? "was not named"}`)
  return false
})
if (runs.length === 0) {
  console.log(`lab: no test to run with ${wanted.join(", ") || "nothing"}${skipped > 0 ? `, ${skipped} skipped` : ""}`)
  process.exit(gate && !broken ? 0 : 1)
}
setup()
const well = vitest(["--config", "vitest.lab.config.ts", ...runs, ...options], {
  env: { ...process.env, PATH: `${join(root, "node_modules", ".bin")}${delimiter}${process.env["PATH"]}`, ...variables }
})
process.exit(well && !broken ? 0 : 1)
