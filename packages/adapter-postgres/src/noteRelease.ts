/** `node noteRelease.ts <version>`: adds what this release is made of to sql/releases.json, unless it changes what an earlier one was made of. */
import { Effect } from "effect"
import * as fs from "node:fs"
import * as Releases from "./Releases.ts"

const main = Effect.gen(function* () {
  const [version = ""] = process.argv.slice(2)
  const before = yield* Releases.all
  if (!/^\d+\.\d+\.\d+/.test(version)) return ["give the version that is released, e.g. 1.2.3"]
  if (before.some((release) => release.version === version)) return [`${version} is in the list already`]
  const now = yield* Releases.asRelease(version)
  const problems = Releases.problemsOf(before, now)
  if (problems.length === 0)
    yield* Effect.sync(() => fs.writeFileSync(Releases.file, `${JSON.stringify([...before, now], null, 2)}\n`))
  return problems
})

const problems = await Effect.runPromise(main)
for (const problem of problems) process.stderr.write(`${problem}\n`)
process.exitCode = problems.length === 0 ? 0 : 1
