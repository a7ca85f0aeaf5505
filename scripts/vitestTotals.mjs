/** Runs vitest, prints one line per package and closes with one line `N passed, N failed`. Answers whether all is well. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { root, run } from "./setup.mjs"

const count = (file) => {
  const total = { passed: 0, failed: 0, skipped: 0 }
  for (const test of file.assertionResults) {
    if (test.status === "passed") total.passed++
    else if (test.status === "failed") total.failed++
    else total.skipped++
  }
  // A file that could not be loaded reports no tests; it is a failure all the same.
  if (file.status === "failed" && total.failed === 0) total.failed++
  return total
}
const add = (a, b) => ({ passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped })
const none = { passed: 0, failed: 0, skipped: 0 }
const line = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`

export const vitest = (args, options) => {
  const folder = mkdtempSync(join(tmpdir(), "rdev-test-"))
  const report = join(folder, "report.json")
  const status = run(
    "vitest",
    ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`, ...args],
    options
  )
  const { testResults } = JSON.parse(readFileSync(report, "utf8"))
  rmSync(folder, { recursive: true })
  const totals = new Map()
  for (const file of testResults) {
    const name = relative(root, file.name).split("/").slice(0, 2).join("/")
    totals.set(name, add(totals.get(name) ?? none, count(file)))
  }
  for (const [name, total] of [...totals].sort(([a], [b]) => a.localeCompare(b)))
    console.log(`${name.padEnd(32)} ${line(total)}`)
  const all = [...totals.values()].reduce(add, none)
  if (status !== 0 && all.failed === 0) all.failed = 1
  console.log(line(all))
  return all.failed === 0 && all.passed > 0
}
