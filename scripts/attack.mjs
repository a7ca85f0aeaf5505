/** `npm run attack`: the attack corpus of packages/server against real server processes, offline. Names of kinds as arguments choose. */
import { run, setup } from "./setup.mjs"

setup()
process.exit(run("node", ["--conditions=@rdev/source", "packages/server/attack/main.ts", ...process.argv.slice(2)]))
