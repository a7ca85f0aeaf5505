#!/usr/bin/env node
/**
 * What npm links as `rdev`. It stands in the sources, so that the link can be made before anything is built, and it parses on any
 * Node, so that one that is too old is told and not shown a stack trace.
 */
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"

const program = new URL("../dist/program/rdev.js", import.meta.url)
const end = (message) => {
  process.stderr.write(`rdev: ${message}\n`)
  process.exit(1)
}

const [major, minor] = process.versions.node.split(".").map(Number)
if (major < 22 || (major === 22 && minor < 19))
  end(`Node ${process.versions.node} is too old; install Node 22.19 or newer`)
else if (!existsSync(program))
  end(`${fileURLToPath(program)} is not built; run \`npm run build\` at the top of the repository`)
else await import(program.href)
