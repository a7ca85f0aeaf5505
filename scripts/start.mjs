/**
 * `npm start` and `npm run demo`: brings a clone to the state in which it runs, then runs the command line with the project's own
 * Node. Works on any Node ≥ 20 without node_modules. Arguments go to `rdev`; without any, it is `rdev up`.
 */
import { spawn } from "node:child_process"
import { join } from "node:path"
import { environment, root, setup } from "./setup.mjs"

setup()
const args = process.argv.slice(2)
const child = spawn(
  "node",
  [join(root, "packages", "cli", "dist", "program", "rdev.js"), ...(args.length === 0 ? ["up"] : args)],
  { cwd: root, env: environment(), stdio: "inherit" }
)
child.on("error", (error) => {
  console.error(`rdev: node could not be started: ${error.message}`)
  process.exit(1)
})
// Ctrl-C reaches the whole group of the terminal; what only this process gets is handed on, and the child decides when it ends.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
  process.on(signal, () => {
    if (!process.stdin.isTTY || signal !== "SIGINT") child.kill(signal)
  })
child.on("exit", (code, signal) => {
  if (signal === null) process.exit(code ?? 1)
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
})
