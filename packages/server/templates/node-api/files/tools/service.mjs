// The service for the time of one test, on a socket file: no port to collide on, and it works where there is no network at all.
import { mkdtempSync, rmSync } from "node:fs"
import { request } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createApp } from "../src/app.mjs"

/** Sends one request to a socket file; answers with { status, headers, text, json }. */
export const ask = (socketPath, path, { method = "GET" } = {}) =>
  new Promise((resolve, reject) => {
    const sent = request({ socketPath, path, method, agent: false }, (response) => {
      let text = ""
      response.setEncoding("utf8")
      response.on("data", (chunk) => { text += chunk })
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, text, json: () => JSON.parse(text) }))
    })
    sent.on("error", reject)
    sent.end()
  })

/** Runs `use` with a function that asks the service: `ask(path, { method })`. */
export const withService = async (routes, use) => {
  const folder = mkdtempSync(join(tmpdir(), "service-"))
  const socketPath = join(folder, "s")
  const app = createApp(routes)
  try {
    await new Promise((resolve, reject) => app.once("error", reject).listen(socketPath, resolve))
    await use((path, options) => ask(socketPath, path, options))
  } finally {
    app.closeAllConnections()
    await new Promise((resolve) => app.close(resolve))
    rmSync(folder, { recursive: true, force: true })
  }
}
