/**
 * Packs every package and checks what a consumer would get: publint on the manifest, attw on the types of the entry points (ESM only),
 * that no module of it loads the whole of effect (see tsup.config.ts), that the READMEs' programs compile where nothing else is installed
 * (embed.mjs), and what every tarball must keep (tarballs.mjs).
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { problem } from "./embed.mjs"
import { environment, root, setup } from "./setup.mjs"
import * as tarballs from "./tarballs.mjs"

setup("all")

let failed = 0
const step = (title, command, args, cwd) => {
  const result = spawnSync(command, args, { cwd, env: environment(), encoding: "utf8", maxBuffer: 64 * 1024 * 1024 })
  if (result.status === 0) return
  failed++
  console.error(`${title}\n${result.stdout}${result.stderr}`)
}
const packages = readdirSync(join(root, "packages")).filter(
  (name) => JSON.parse(readFileSync(join(root, "packages", name, "package.json"), "utf8")).private !== true
)
for (const name of packages) {
  const cwd = join(root, "packages", name)
  step(`${name}: publint`, "publint", ["--strict"], cwd)
  step(`${name}: attw`, "attw", ["--pack", ".", "--profile", "esm-only", "--entrypoints", "."], cwd)
}
// Modules begin with a capital.
const barrel = /^(?:import|export) [^"]*from "(?:effect(?:\/[a-z-]+)?|@effect\/platform-node)";$/m
let modules = 0
for (const name of packages) {
  const dist = join(root, "packages", name, "dist")
  for (const file of readdirSync(dist, { recursive: true })) {
    if (!file.endsWith(".js") || file.startsWith("program")) continue
    modules++
    if (!barrel.test(readFileSync(join(dist, file), "utf8"))) continue
    failed++
    console.error(`${name}/dist/${file} imports from a barrel: every module of effect would be loaded with it`)
  }
}
for (const name of ["sdlc", "api"]) {
  const said = problem(name)
  if (said === null) continue
  failed++
  console.error(`${name}: its declarations do not stand alone\n${said}`)
}
const folder = mkdtempSync(join(tmpdir(), "rdev-exports-"))
try {
  const packed = tarballs.pack(folder)
  for (const problem of [
    ...(packed.length === packages.length ? [] : [`${packed.length} tarballs of ${packages.length} packages`]),
    ...tarballs.problems(packed)
  ]) {
    failed++
    console.error(problem)
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
console.log(`exports: ${packages.length} packages, ${modules} modules, ${failed} problems`)
process.exit(failed === 0 && modules > 0 ? 0 : 1)
