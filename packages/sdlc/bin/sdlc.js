#!/usr/bin/env node
/**
 * What npm links as `sdlc`. It stands in the sources, so that the link can be made before anything is built, and it parses on any
 * Node, so that one that is too old is told and not shown a stack trace.
 */
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"

const program = new URL("../dist/cli/main.js", import.meta.url)
const end = (message) => {
  process.stderr.write(`sdlc: ${message}\n`)
  process.exit(1)
}

if (Number(process.versions.node.split(".")[0]) < 22)
  end(`Node ${process.versions.node} is too old; install Node 22 or newer`)
else if (!existsSync(program))
  end(`${fileURLToPath(program)} is not built; run \`npm run build\` at the top of the repository`)
else await import(program.href)
