/**
 * What runs in browsers, as a consumer's bundler sees the built packages: nothing of Node's can be reached from @rdev/api or from the
 * domain, a bundle stays within its size, and it loads and makes a request where there is no more than what every browser has.
 */
import { build } from "esbuild"
import { readdirSync } from "node:fs"
import { createServer } from "node:http"
import { isBuiltin } from "node:module"
import { join } from "node:path"
import { createContext, runInContext } from "node:vm"
import { gzipSync } from "node:zlib"
import { root } from "./setup.mjs"

const problems = []

/** An IIFE of these statements, resolved as from a package that depends on @rdev/api. */
const bundle = async (contents) => {
  const noNode = {
    name: "no-node",
    setup: (esbuild) =>
      esbuild.onResolve({ filter: /.*/ }, ({ importer, path }) => {
        if (!isBuiltin(path)) return undefined
        return { errors: [{ text: `${path} is Node's; ${importer} must run in a browser` }] }
      })
  }
  try {
    const { outputFiles } = await build({
      stdin: { contents, resolveDir: join(root, "packages/api") },
      bundle: true,
      platform: "browser",
      format: "iife",
      minify: true,
      treeShaking: true,
      write: false,
      logLevel: "silent",
      plugins: [noNode]
    })
    return outputFiles[0].text
  } catch (error) {
    for (const { text } of error.errors ?? [{ text: String(error) }]) problems.push(text)
    return null
  }
}
const size = (text) => gzipSync(text, { level: 9 }).length

/** Every module of the domain and of the API, whether or not the client uses it. */
const modulesOf = (name, folder) =>
  readdirSync(join(root, "packages", name, "src", folder), { recursive: true })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => [folder, file.replace(/\.ts$/, "")].filter((part) => part !== "").join("/"))
    .map((module) => `@rdev/${name}/${module}`)
const everything = [...modulesOf("core", "domain"), ...modulesOf("api", "")]
await bundle(everything.map((module, i) => `import * as m${i} from "${module}"; console.log(m${i})`).join("\n"))

/** What every browser has besides the language itself, and of that what passes between it and `fetch`; nothing of Node's. */
const browserGlobals = () =>
  Object.fromEntries(
    "AbortController AbortSignal ArrayBuffer Blob DOMException FormData Headers ReadableStream Request Response TextDecoder TextEncoder URL URLSearchParams Uint8Array clearInterval clearTimeout crypto fetch performance queueMicrotask setInterval setTimeout structuredClone"
      .split(" ")
      .map((name) => [name, globalThis[name]])
  )

/** Bundles that are used as people use them. `run` answers with what the server must have been asked for. */
const uses = [
  {
    name: "RdevClient",
    limit: 9_000,
    code: `
      import * as RdevClient from "@rdev/api/RdevClient"
      globalThis.run = async (url) => (await RdevClient.make({ url, key: "k" }).projects.list()).projects.length`
  },
  {
    name: "Effect client",
    limit: 90_000,
    code: `
      import { Client } from "@rdev/api"
      import * as Effect from "effect/Effect"
      globalThis.run = (url) => Effect.runPromise(Effect.flatMap(
        Client.make({ url, key: "k" }),
        (client) => Effect.map(client.projects.list(), ({ projects }) => projects.length)
      ))`
  }
]
const server = createServer((request, response) => {
  const known = request.url?.startsWith("/projects") && request.headers.authorization === "Bearer k"
  response
    .writeHead(known ? 200 : 500, { "content-type": "application/json" })
    .end(JSON.stringify({ projects: [], next_cursor: null }))
})
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve))
const url = `http://127.0.0.1:${server.address().port}`
const sizes = []
for (const { code, limit, name } of uses) {
  const text = await bundle(code)
  if (text === null) continue
  sizes.push(`${name} ${(size(text) / 1000).toFixed(1)} kB`)
  if (size(text) > limit) problems.push(`${name}: ${size(text)} bytes gzip, more than ${limit}`)
  const context = createContext(browserGlobals())
  try {
    runInContext(text, context)
    const found = await context.run(url)
    if (found !== 0) problems.push(`${name}: answered ${JSON.stringify(found)} instead of what the server said`)
  } catch (error) {
    problems.push(`${name}: ${error instanceof Error ? error.stack : String(error)}`)
  }
}
server.close()
server.closeAllConnections()
for (const problem of problems) console.error(problem)
console.log(`browser: ${everything.length} modules, gzip: ${sizes.join(", ")}; ${problems.length} problems`)
process.exit(problems.length === 0 && everything.length > 0 && sizes.length === uses.length ? 0 : 1)
