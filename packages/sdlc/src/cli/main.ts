#!/usr/bin/env node
/** The `sdlc` command. Hands the hot commands to their own modules and everything else to the catalogue. */
import module from "node:module"
import { run } from "./Run.ts"

// Compiled code is kept between runs; a read-only home costs nothing but the time it would have saved.
module.enableCompileCache?.()
process.exitCode = await run(process.argv.slice(2), process.env, process.cwd(), { out: (text) => void process.stdout.write(text), err: (text) => void process.stderr.write(text) })
