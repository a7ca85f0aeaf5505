/** Effect's own diagnostics over every package (floating effects, missing yield*, names of version 3). Fails on any error or warning, and when nothing was checked. */
import { spawnSync } from "node:child_process"
import { environment, root } from "./setup.mjs"

const result = spawnSync("effect-tsgo", ["diagnostics", "--project", "tsconfig.json", "--format", "text"], {
  cwd: root,
  env: environment(),
  encoding: "utf8",
  maxBuffer: 64 * 1024 * 1024
})
const text = `${result.stdout}${result.stderr}`
console.log(text.trimEnd())
const checked = Number(/Checked (\d+) files/.exec(text)?.[1] ?? 0)
const counts = /(\d+) errors?, (\d+) warnings?/.exec(text)
if (result.status !== 0 || checked === 0 || counts === null || Number(counts[1]) + Number(counts[2]) > 0)
  process.exit(1)
