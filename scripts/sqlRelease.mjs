/** `npm run sql:release -- <version>`: notes in sql/releases.json what the database of this release is made of. Run once, when a release is made. */
import { run, setup } from "./setup.mjs"

setup()
process.exit(
  run("node", ["--conditions=@rdev/source", "packages/adapter-postgres/src/noteRelease.ts", ...process.argv.slice(2)])
)
