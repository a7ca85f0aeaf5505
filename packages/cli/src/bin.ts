#!/usr/bin/env node
/** The `rdev` command. Keeps compiled code between runs, so that it starts fast; ends with the command's exit code. */
import { enableCompileCache } from "node:module"

if (Number(process.versions.node.split(".")[0]) < 22) {
  process.stderr.write(`rdev: Node ${process.versions.node} is too old; install Node 22.13 or newer\n`)
  process.exit(1)
}
enableCompileCache?.()
const { main } = await import("./Main.ts")
main(process.argv.slice(2))
