#!/usr/bin/env node
/** The `rdev` command. Keeps compiled code between runs, so that it starts fast; ends with the command's exit code. */
import { enableCompileCache } from "node:module"

enableCompileCache?.()
const { main } = await import("./Main.ts")
main(process.argv.slice(2))
