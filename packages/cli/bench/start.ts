/** Time from the command to a server that answers and has printed its URLs, on data that is there; and of the whole demo. Needs a build. */
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const program = fileURLToPath(new URL("../dist/program/rdev.js", import.meta.url))
const dataDir = mkdtempSync(join(tmpdir(), "rdev-start-"))

const start = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const began = performance.now()
    const child = spawn(process.execPath, [program, "up", "--no-demo", "--port", "0", "--data-dir", dataDir], {
      stdio: ["ignore", "pipe", "inherit"]
    })
    let took = 0
    child.stdout.on("data", (chunk) => {
      if (!String(chunk).includes("/scalar")) return
      took = performance.now() - began
      child.kill("SIGINT")
    })
    child
      .on("error", reject)
      .on("exit", () => (took > 0 ? resolve(took) : reject(new Error("the server did not come up"))))
  })
const first = await start()
const warm: Array<number> = []
for (let i = 0; i < 5; i++) warm.push(await start())
warm.sort((a, b) => a - b)
rmSync(dataDir, { recursive: true, force: true })
console.log(
  `start        first ${(first / 1000).toFixed(2)} s   warm median ${((warm[2] ?? 0) / 1000).toFixed(2)} s, best ${((warm[0] ?? 0) / 1000).toFixed(2)} s   (bar: warm ≤ 2 s)`
)

const began = performance.now()
const demo = await new Promise<{ readonly code: number | null; readonly text: string }>((resolve, reject) => {
  const child = spawn(process.execPath, [program, "demo"], { stdio: ["ignore", "pipe", "inherit"] })
  let text = ""
  child.stdout.on("data", (chunk) => {
    text += String(chunk)
  })
  child.on("error", reject).on("exit", (code) => resolve({ code, text }))
})
console.log(
  `demo         ${((performance.now() - began) / 1000).toFixed(1)} s, exit ${demo.code}   (bar: ≤ 60 s, of which rdev itself ≤ 5 s)`
)
console.log(demo.text.slice(demo.text.indexOf("Summary")))
process.exit(demo.code ?? 1)
