/**
 * `npm run lengths`: no function of the packages' sources, suites aside, is longer than 70 lines, blank lines and comments left out. The few files that
 * are not divided yet stand in longFunctions.json with how many such functions each has. That list only becomes shorter: more of them
 * than it says is a fault, and so is an entry that says too much. `--write` takes what is there now.
 */
import { spawnSync } from "node:child_process"
import { globSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { environment, root } from "./setup.mjs"

const listed = join(root, "scripts", "longFunctions.json")
// A suite is a list of tests, as a test file is: it is divided into files by subject, not into shorter lists.
const folders = globSync(["packages/*/src", "examples/*/src"], { cwd: root }).filter(
  (folder) => folder !== join("packages", "conformance", "src")
)
const linted = spawnSync("oxlint", ["-c", "scripts/functionLengths.oxlintrc.json", "-f", "json", ...folders], {
  cwd: root,
  env: environment(),
  encoding: "utf8",
  maxBuffer: 2 ** 26
})
const { diagnostics, number_of_files: files } = JSON.parse(linted.stdout)

const found = new Map()
for (const { filename, labels, message } of diagnostics) {
  const one = { line: labels[0]?.span.line ?? 0, message }
  found.set(filename, [...(found.get(filename) ?? []), one])
}
if (process.argv.includes("--write")) {
  const counts = Object.fromEntries(
    [...found].map(([name, all]) => [name, all.length]).sort(([a], [b]) => (a < b ? -1 : 1))
  )
  writeFileSync(listed, `${JSON.stringify(counts, null, 2)}\n`)
}

const allowed = JSON.parse(readFileSync(listed, "utf8"))
const problems = []
for (const [name, all] of found)
  if (all.length > (allowed[name] ?? 0))
    problems.push(
      `${name}: ${all.map(({ line, message }) => `line ${line}: ${message}`).join("; ")}; divide it into parts that have a meaning of their own`
    )
for (const [name, count] of Object.entries(allowed)) {
  const now = found.get(name)?.length ?? 0
  if (now < count) problems.push(`scripts/longFunctions.json: ${name} has ${now} of them now and not ${count}`)
}
for (const problem of problems) console.error(problem)
console.log(
  `function lengths: ${files} files, ${Object.keys(allowed).length} not divided yet, ${problems.length} problems`
)
process.exit(problems.length === 0 && files > 0 ? 0 : 1)
