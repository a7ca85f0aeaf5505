// Copies what runs in production to dist/ and starts it once, so that a build that cannot answer /health fails here.
import { spawn } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ask } from "./service.mjs"

const root = new URL("../", import.meta.url)
const out = new URL("dist/", root)
rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })
for (const part of ["src", "package.json"]) cpSync(new URL(part, root), new URL(part, out), { recursive: true })

const startMillis = 10_000
const folder = mkdtempSync(join(tmpdir(), "build-"))
const SOCKET = join(folder, "s")
const child = spawn(process.execPath, ["src/server.mjs"], { cwd: out, env: { ...process.env, SOCKET }, stdio: ["ignore", "pipe", "inherit"] })

/** Resolves when the service says that it listens; rejects when it ends or takes too long. */
const listening = new Promise((resolve, reject) => {
  const deadline = setTimeout(() => reject(new Error(`the service did not start within ${startMillis} ms`)), startMillis)
  child.once("exit", (code) => reject(new Error(`the service ended with exit code ${code}`)))
  child.stdout.once("data", resolve)
  child.once("error", reject)
  const stop = () => clearTimeout(deadline)
  child.once("exit", stop)
  child.stdout.once("data", stop)
})

try {
  await listening
  const response = await ask(SOCKET, "/health")
  if (response.status !== 200) throw new Error(`GET /health answered ${response.status}`)
  console.log("dist/ answers GET /health with 200")
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
} finally {
  child.kill()
  rmSync(folder, { recursive: true, force: true })
}
