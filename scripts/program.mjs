/**
 * The short build, for `npm start`, the demo and the tests: the two programs bundled from the sources and what they look for beside
 * built modules. Libraries and declarations (`npm run build`) take eight times as long, and nothing that runs here needs them. Runs on the project's
 * own Node, which takes the TypeScript of the packages' build scripts as it is. A line per part says how long it took.
 */
import { build } from "esbuild"
import { spawn } from "node:child_process"
import { chmodSync } from "node:fs"
import { join } from "node:path"
import { program } from "../packages/cli/scripts/program.ts"
import { bundle } from "../packages/sdlc/scripts/bundle.ts"
import { root } from "./setup.mjs"

const at = (...path) => join(root, "packages", ...path)

const snapshot = () =>
  new Promise((done, failed) => {
    const child = spawn(
      process.execPath,
      ["--conditions=@rdev/source", at("adapter-postgres", "src", "buildSnapshot.ts")],
      { cwd: root, stdio: ["ignore", "ignore", "pipe"] }
    )
    let said = ""
    child.stderr.on("data", (chunk) => (said += chunk))
    child.on("error", failed)
    child.on("close", (code) => (code === 0 ? done() : failed(new Error(`buildSnapshot.ts: ${said}`))))
  })

/** A process of its own, which is started by its path. */
const launchHelper = () =>
  build({
    entryPoints: [at("runtime-node", "src", "LaunchHelper.ts")],
    outfile: at("runtime-node", "dist", "LaunchHelper.js"),
    bundle: true,
    format: "esm",
    target: "node22",
    platform: "node",
    conditions: ["@rdev/source"],
    logLevel: "warning"
  })

const parts = {
  "@rdev/cli (program)": () => program(at("cli", "dist", "program")),
  "@rdev/sdlc (command)": async () => {
    const file = at("sdlc", "dist", "cli", "main.js")
    await bundle(file)
    chmodSync(file, 0o755)
  },
  "@rdev/runtime-node (launch helper)": launchHelper,
  "@rdev/adapter-postgres (empty database)": snapshot
}

await Promise.all(
  Object.entries(parts).map(async ([name, make]) => {
    const began = performance.now()
    await make()
    console.error(`rdev:   ${name} ${((performance.now() - began) / 1000).toFixed(1)} s`)
  })
)
