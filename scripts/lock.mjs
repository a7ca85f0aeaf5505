/**
 * The lock of the clone. `npm run lock` writes it after a change of dependencies, from no node_modules: written over one, npm leaves out
 * what that machine did not install, and `npm ci` refuses the lock on every other platform. `npm run lock -- --check` proves on what a
 * clone gets that `npm ci` takes it, with the npm of this machine's Node and with the same npm on the project's Node.
 */
import { spawnSync } from "node:child_process"
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { environment, root } from "./setup.mjs"

/** Copies what git tracks, as it is in the work tree, and nothing else: what a clone of the next commit gets. */
export const copyTracked = (from, to, wanted = () => true) => {
  const listed = spawnSync("git", ["ls-files", "-z"], { cwd: from, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 })
  if (listed.status !== 0) throw new Error(`git ls-files: ${listed.error?.message ?? listed.stderr}`)
  const names = listed.stdout.split("\0").filter((name) => name !== "" && wanted(name))
  for (const name of names) {
    mkdirSync(dirname(join(to, name)), { recursive: true })
    cpSync(join(from, name), join(to, name))
  }
  return names
}
const manifests = (name) => /(?:^|\/)package\.json$/.test(name) || name === "package-lock.json" || name === ".npmrc"

const npm = (cwd, args, env) => {
  const result = spawnSync("npm", [...args, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd,
    env,
    encoding: "utf8"
  })
  return result.status === 0 ? null : `${result.error?.message ?? ""}${result.stderr}${result.stdout}`.trim()
}

/** Writes the lock of the tree at `folder`; null, or what npm said. */
export const write = (folder) => {
  const copy = mkdtempSync(join(tmpdir(), "rdev-lock-"))
  try {
    copyTracked(folder, copy, manifests)
    const problem = npm(copy, ["install", "--package-lock-only"], process.env)
    if (problem === null) copyFileSync(join(copy, "package-lock.json"), join(folder, "package-lock.json"))
    return problem
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

/** What `npm ci` would say on a clone of the tree at `folder`, for each of the two Nodes. */
export const problems = (folder) => {
  const copy = mkdtempSync(join(tmpdir(), "rdev-lock-"))
  try {
    const names = copyTracked(folder, copy, manifests)
    if (!names.includes("package-lock.json")) return ["package-lock.json is not in git"]
    return [
      ["this machine's Node", process.env],
      ["the project's Node", environment()]
    ].flatMap(([title, env]) => {
      const problem = npm(copy, ["ci", "--dry-run"], env)
      return problem === null ? [] : [`npm ci on ${title}: ${problem}`]
    })
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const checking = process.argv.includes("--check")
  const found = checking ? problems(root) : [write(root)].filter((problem) => problem !== null)
  for (const problem of found) console.error(problem)
  if (checking && found.length > 0) console.error("lock: write it anew with `npm run lock`")
  console.log(`lock: ${checking ? "checked" : "written"}, ${found.length} problems`)
  process.exit(found.length === 0 ? 0 : 1)
}
