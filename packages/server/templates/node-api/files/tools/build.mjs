// Copies what runs in production to dist/ and starts it once, so that a build that cannot answer /health fails here.
import { spawn } from "node:child_process"
import { cpSync, mkdirSync, rmSync } from "node:fs"

const root = new URL("../", import.meta.url)
const out = new URL("dist/", root)
rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })
for (const part of ["src", "package.json"]) cpSync(new URL(part, root), new URL(part, out), { recursive: true })

const child = spawn(process.execPath, ["src/server.mjs"], { cwd: out, env: { ...process.env, PORT: "0", HOST: "127.0.0.1" }, stdio: ["ignore", "pipe", "inherit"] })
const fail = (message) => {
  console.error(message)
  child.kill()
  process.exitCode = 1
}
const deadline = setTimeout(() => fail("the service did not start within 10 seconds"), 10_000)
child.on("exit", (code) => {
  clearTimeout(deadline)
  if (code !== 0 && code !== null && process.exitCode === undefined) fail(`the service ended with exit code ${code}`)
})
let output = ""
child.stdout.setEncoding("utf8").on("data", async (text) => {
  output += text
  const url = /http:\/\/\S+/.exec(output)?.[0]
  if (url === undefined) return
  child.stdout.removeAllListeners("data")
  const response = await fetch(`${url}/health`).catch((error) => error)
  if (response.status !== 200) return fail(`GET /health answered ${response.status ?? response.message}`)
  console.log("dist/ answers GET /health with 200")
  child.kill()
})
