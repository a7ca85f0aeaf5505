/** `npm run bench`: the measurements of every package that has some, one after another, so that none disturbs the other. Names of packages as arguments choose. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { root, run, setup } from "./setup.mjs"

setup("all")
const wanted = process.argv.slice(2)
const known = readdirSync(join(root, "packages")).filter((name) => {
  const { scripts } = JSON.parse(readFileSync(join(root, "packages", name, "package.json"), "utf8"))
  return scripts?.bench !== undefined
})
const unknown = wanted.filter((name) => !known.includes(name))
if (unknown.length > 0) {
  console.error(`bench: ${unknown.join(", ")}: no such measurement; there are ${known.join(", ")}`)
  process.exit(2)
}
let failed = 0
for (const name of wanted.length === 0 ? known : wanted) {
  console.log(`\n── ${name}`)
  if (run("npm", ["run", "--silent", "bench", "-w", `@rdev/${name}`]) !== 0) failed++
}
process.exit(failed === 0 ? 0 : 1)
