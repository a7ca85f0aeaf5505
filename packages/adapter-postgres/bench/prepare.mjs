// node packages/adapter-postgres/bench/prepare.mjs <harness folder> <target folder>
// Copies the queue harness, installs its peers, and puts this repository's built packages and our peer beside them.
import { execFileSync } from "node:child_process"
import { cpSync, existsSync, mkdirSync, rmSync, symlinkSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"

const here = dirname(fileURLToPath(import.meta.url))
const root = resolve(here, "../../..")
const [harness, target] = process.argv.slice(2).map((path) => resolve(path))
if (harness === undefined || target === undefined)
  throw new Error("usage: prepare.mjs <harness folder> <target folder>")
if (!existsSync(join(target, "run.mjs"))) cpSync(harness, target, { recursive: true })
if (!existsSync(join(target, "node_modules", "pg"))) execFileSync("npm", ["install"], { cwd: target, stdio: "inherit" })
execFileSync(
  join(root, "node_modules", ".bin", "turbo"),
  ["run", "build", "--filter=@rdev/adapter-postgres", "--output-logs=errors-only"],
  { cwd: root, stdio: "inherit" }
)
// As published: what was built, and the SQL beside it.
for (const name of ["sdlc", "core", "adapter-postgres"]) {
  const from = join(root, "packages", name),
    to = join(target, "node_modules", "@rdev", name)
  rmSync(to, { recursive: true, force: true })
  for (const part of ["package.json", "dist", "migrations", "sql"])
    if (existsSync(join(from, part))) cpSync(join(from, part), join(to, part), { recursive: true })
}
// What our packages need besides the harness's own packages; effect and pg are the harness's, in the same versions.
for (const name of ["ulid", "yaml", "@electric-sql/pglite"]) {
  const link = join(target, "node_modules", name)
  mkdirSync(dirname(link), { recursive: true })
  if (!existsSync(link) && existsSync(join(root, "node_modules", name)))
    symlinkSync(join(root, "node_modules", name), link)
}
cpSync(join(here, "peers", "rdev.mjs"), join(target, "peers", "rdev.mjs"))
