/**
 * Effect's own diagnostics over every package (floating effects, missing yield*, names of version 3). Fails on any error or warning, and
 * when nothing was checked. The tool has a folder and a lock of its own, tools/diagnostics, and is installed when it is first asked for:
 * 155 MB that nothing else needs, and binaries for platforms that not every registry carries, which would spoil the lock of the clone.
 */
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { environment, root, run, setup } from "./setup.mjs"

setup()
const folder = join(root, "tools", "diagnostics")
const hash = createHash("sha256")
  .update(readFileSync(join(folder, "package-lock.json")))
  .digest("hex")
const stamp = join(folder, "node_modules", ".rdev-installed")
if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== hash) {
  console.log("diagnostics: installing the tool (once) …")
  // Not `npm ci`, which wants every platform's binary in the lock; versions come from the lock all the same.
  const args = ["install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error"]
  if (run("npm", args, { cwd: folder }) !== 0) process.exit(1)
  writeFileSync(stamp, hash)
}

const tool = join(folder, "node_modules", ".bin", "effect-tsgo")
const result = spawnSync(tool, ["diagnostics", "--project", "tsconfig.json", "--format", "text"], {
  cwd: root,
  env: environment(),
  encoding: "utf8",
  maxBuffer: 64 * 1024 * 1024
})
const text = `${result.error?.message ?? ""}${result.stdout}${result.stderr}`
console.log(text.trimEnd())
const checked = Number(/Checked (\d+) files/.exec(text)?.[1] ?? 0)
const counts = /(\d+) errors?, (\d+) warnings?/.exec(text)
if (result.status !== 0 || checked === 0 || counts === null || Number(counts[1]) + Number(counts[2]) > 0)
  process.exit(1)
