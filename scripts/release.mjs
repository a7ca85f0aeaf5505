/**
 * `npm run release`: builds, checks, and publishes every package whose version the registry lacks, with provenance; npm signs that only in
 * the release workflow, and refuses elsewhere. `--dry-run` publishes nothing and also tries `npm run version` on a copy of the tree.
 * `--checked` leaves out the checks: the gate has just run them on this tree.
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as lock from "./lock.mjs"
import { environment, root, run, setup } from "./setup.mjs"
import * as version from "./version.mjs"

const flags = new Set(process.argv.slice(2))
const unknown = [...flags].filter((flag) => flag !== "--dry-run" && flag !== "--checked")
const fail = (...lines) => {
  for (const line of lines) console.error(`release: ${line}`)
  process.exit(1)
}
if (unknown.length > 0) fail(`${unknown.join(", ")}: there are --dry-run and --checked`)
const dryRun = flags.has("--dry-run")

const step = (title, command, args, options = {}) => {
  console.log(`release: ${title}`)
  if (run(command, args, options) !== 0) fail(`${title} failed`)
}
const pending = (folder) => readdirSync(join(folder, ".changeset")).filter((name) => /^(?!README).*\.md$/.test(name))

/** Other mentions of the old version: a place that nobody told `npm run version` about. */
const leftBehind = (folder, old) => {
  const mention = new RegExp(`(?<![\\d.])${old.replaceAll(".", "\\.")}(?![\\d.])`)
  const kept = /(?:^|\/)CHANGELOG\.md$|^package-lock\.json$|^packages\/server\/templates\//
  const listed = spawnSync("git", ["ls-files"], { cwd: folder, encoding: "utf8" }).stdout.split("\n")
  return listed
    .filter((name) => name !== "" && !kept.test(name) && !name.startsWith(".changeset/"))
    .filter((name) => mention.test(readFileSync(join(folder, name), "utf8")))
    .map((name) => `${name} still says ${old}`)
}

/** Makes the next version in a copy of the tree; what is stale there afterwards. */
const rehearse = () => {
  const copy = mkdtempSync(join(tmpdir(), "rdev-release-"))
  const git = (...args) => {
    const identity = ["-c", "user.name=rehearsal", "-c", "user.email=rehearsal@localhost", "-c", "commit.gpgsign=false"]
    if (run("git", [...identity, ...args], { cwd: copy }) !== 0) fail(`git ${args[0]} failed in ${copy}`)
  }
  try {
    lock.copyTracked(root, copy)
    symlinkSync(join(root, "node_modules"), join(copy, "node_modules"))
    const [{ manifest }] = version.published(root)
    const changes = pending(copy)
    git("init", "--quiet", "--initial-branch=main")
    git("add", "--all", "--", ".", ":!node_modules")
    git("commit", "--quiet", "--message=Now")
    step(`version, on a copy (${changes.length} changesets)`, "node", ["scripts/version.mjs"], { cwd: copy })
    git("add", "--all", "--", ".", ":!node_modules")
    const [{ manifest: next }] = version.published(copy)
    return [
      ...pending(copy).map((name) => `${name} was not used up`),
      ...version.problems(copy),
      ...lock.problems(copy),
      ...(changes.length === 0
        ? []
        : next.version === manifest.version
          ? ["the version did not change"]
          : leftBehind(copy, manifest.version))
    ]
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

setup("all")
if (!flags.has("--checked"))
  for (const check of ["types", "lint", "format:check", "boundaries", "browser", "exports", "installs"])
    step(check, "npm", ["run", "--silent", check])
const stale = [...version.problems(root), ...lock.problems(root)]
if (stale.length > 0) fail(...stale)

if (dryRun) {
  const problems = rehearse()
  if (problems.length > 0) fail(...problems)
  const workspaces = version.published(root).flatMap(({ manifest }) => ["--workspace", manifest.name])
  step("publish, without publishing", "npm", [
    "publish",
    "--dry-run",
    "--ignore-scripts",
    "--loglevel=error",
    ...workspaces
  ])
  console.log("release: nothing was published")
} else {
  const changes = pending(root)
  if (changes.length > 0)
    fail(`${changes.length} changesets are not in a version yet: run \`npm run version\` and commit what it writes`)
  const dirty = spawnSync("git", ["status", "--porcelain"], { cwd: root, env: environment(), encoding: "utf8" }).stdout
  if (dirty !== "") fail(`the tree has changes that are not committed:\n${dirty.trimEnd()}`)
  step("publish", "changeset", ["publish"])
}
