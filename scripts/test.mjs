/** `npm test`: sets up, runs every package's tests, and closes with one line `N passed, N failed`. Arguments go to vitest. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { root, run, setup } from "./setup.mjs"

setup()
const folder = mkdtempSync(join(tmpdir(), "rdev-test-"))
const report = join(folder, "report.json")
const status = run("vitest", [
  "run",
  "--reporter=default",
  "--reporter=json",
  `--outputFile.json=${report}`,
  ...process.argv.slice(2)
])

const { testResults } = JSON.parse(readFileSync(report, "utf8"))
rmSync(folder, { recursive: true })
const totals = new Map()
for (const file of testResults) {
  const name = relative(root, file.name).split("/").slice(0, 2).join("/")
  const total = totals.get(name) ?? { passed: 0, failed: 0, skipped: 0 }
  for (const test of file.assertionResults) {
    if (test.status === "passed") total.passed++
    else if (test.status === "failed") total.failed++
    else total.skipped++
  }
  // A file that could not be loaded reports no tests; it is a failure all the same.
  if (file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed")) total.failed++
  totals.set(name, total)
}
let passed = 0
let failed = 0
let skipped = 0
for (const [name, total] of [...totals].sort(([a], [b]) => a.localeCompare(b))) {
  console.log(
    `${name.padEnd(32)} ${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ""}`
  )
  passed += total.passed
  failed += total.failed
  skipped += total.skipped
}
if (status !== 0 && failed === 0) failed = 1
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`)
process.exit(failed === 0 && passed > 0 ? 0 : 1)
