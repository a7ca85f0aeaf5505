/** The script and the page of this example, against an embedded server. The page's document is the few things that it uses. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as RdevClient from "@rdev/api/RdevClient"
import * as Server from "@rdev/server/Server"
import { fromEnvironment } from "@rdev/server/ServerConfig"
import { Effect, Exit, Scope } from "effect"
import { build } from "esbuild"
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { createContext, runInContext } from "node:vm"

const dataDir = mkdtempSync(join(tmpdir(), "rdev-example-client-"))
const scope = Scope.makeUnsafe()
const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
let server: Server.Running
let key = ""
beforeAll(async () => {
  const start = Effect.flatMap(
    fromEnvironment({ RDEV_PORT: "0", RDEV_DATA_DIR: dataDir, RDEV_UNSAFE_HOST: "true", RDEV_DRAIN_SECONDS: "1" }),
    Server.start
  )
  server = await Effect.runPromise(Scope.provide(start, scope))
  key = server.newKey?.key ?? ""
  const rdev = RdevClient.make({ url: server.url, key })
  await rdev.projects.create({ name: "hello", wait: 60 })
})
afterAll(async () => {
  await Effect.runPromise(Scope.close(scope, Exit.void))
  rmSync(dataDir, { recursive: true, force: true })
})

const script = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>>) =>
  new Promise<{ readonly code: number | null; readonly out: string; readonly err: string }>((resolve, reject) => {
    const child = spawn(process.execPath, ["--conditions=@rdev/source", path("../src/inbox.ts"), ...args], {
      env: { PATH: process.env["PATH"] ?? "", ...env },
      stdio: ["ignore", "pipe", "pipe"]
    })
    let [out, err] = ["", ""]
    child.stdout.on("data", (chunk) => {
      out += String(chunk)
    })
    child.stderr.on("data", (chunk) => {
      err += String(chunk)
    })
    child.on("error", reject).on("close", (code) => resolve({ code, out, err }))
  })

/** Of a document what app.js asks for. */
class Element {
  value = ""
  textContent = ""
  children: Array<Element> = []
  private readonly listeners = new Map<string, (event: { readonly preventDefault: () => void }) => void>()
  get lastElementChild() {
    return { remove: () => void this.children.pop() }
  }
  replaceChildren(...children: ReadonlyArray<Element>) {
    this.children = [...children]
    this.value = children[0]?.value ?? ""
  }
  prepend(child: Element) {
    this.children.unshift(child)
  }
  addEventListener(name: string, listener: (event: { readonly preventDefault: () => void }) => void) {
    this.listeners.set(name, listener)
  }
  happen(name: string) {
    this.listeners.get(name)?.({ preventDefault: () => undefined })
  }
}
const until = async (what: () => boolean) => {
  const deadline = Date.now() + 30_000
  while (!what()) {
    assert.isBelow(Date.now(), deadline, "it did not come to that")
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

describe("the script", () => {
  it("says what waits for a person, and what to do when it cannot ask", async () => {
    const rdev = RdevClient.make({ url: server.url, key })
    await rdev.features.create({ project: "hello", title: "Add a page", start: false })
    await rdev.features.pause({ project: "hello", feature: "add-a-page", reason: "not now" })
    const asked = await script([], { RDEV_URL: server.url, RDEV_API_KEY: key })
    assert.strictEqual(asked.code, 0, asked.err)
    assert.match(asked.out, /^hello\/add-a-page: /)
    const alone = await script(["hello"], { RDEV_URL: "http://127.0.0.1:1" })
    assert.deepStrictEqual([alone.code, alone.out], [1, ""])
    assert.include(alone.err, "Start the server")
  }, 60_000)
})

describe("the page", () => {
  it("is plain files: every module that it reaches is served, and none has a bare name", async () => {
    const child = spawn(process.execPath, [path("../src/serve.mjs")], {
      env: { PATH: process.env["PATH"] ?? "", PORT: "0" },
      stdio: ["ignore", "pipe", "inherit"]
    })
    try {
      const at = await new Promise<string>((resolve) =>
        child.stdout.once("data", (chunk) => resolve(String(chunk).trim()))
      )
      assert.include(await (await fetch(at)).text(), '<script type="module" src="/app.js">')
      const seen = new Set<string>()
      const walk = async (url: string): Promise<void> => {
        if (seen.has(url)) return
        seen.add(url)
        const answer = await fetch(url)
        assert.strictEqual(answer.status, 200, url)
        assert.include(answer.headers.get("content-type"), "text/javascript")
        for (const [, specifier = ""] of (await answer.text()).matchAll(/^(?:import|export) [^"]*?"([^"]+)";?$/gm)) {
          assert.match(specifier, /^\.\//, `${url} imports ${specifier}`)
          await walk(new URL(specifier, url).href)
        }
      }
      await walk(`${at}/app.js`)
      assert.isAbove(seen.size, 2)
      assert.strictEqual((await fetch(`${at}/rdev/../package.json`)).status, 404)
    } finally {
      child.kill()
    }
  }, 30_000)

  it("lists projects, shows what happens live, and says what is wrong", async () => {
    const { outputFiles } = await build({
      entryPoints: [path("../page/app.js")],
      bundle: true,
      platform: "browser",
      format: "iife",
      write: false,
      plugins: [
        {
          name: "as-served",
          setup: (esbuild) =>
            esbuild.onResolve({ filter: /^\.\/rdev\// }, ({ path: specifier }) => ({
              path: path(`../../../packages/api/src/${specifier.slice("./rdev/".length).replace(/\.js$/, ".ts")}`)
            }))
        }
      ]
    })
    const elements = new Map<string, Element>()
    const at = (id: string): Element => {
      const found = elements.get(id) ?? new Element()
      elements.set(id, found)
      return found
    }
    const { AbortController, Response, TextDecoder, URL, URLSearchParams, clearTimeout, crypto, fetch, setTimeout } =
      globalThis
    const document = { getElementById: at, createElement: () => new Element() }
    const known = { AbortController, Response, TextDecoder, URL, URLSearchParams, Uint8Array }
    const context = createContext({ ...known, clearTimeout, crypto, document, fetch, setTimeout })
    runInContext(outputFiles[0]?.text ?? "", context)
    const lines = () => at("events").children.map(({ textContent }) => textContent)

    at("url").value = server.url
    at("key").value = "wrong"
    at("server").happen("submit")
    await until(() => at("problem").textContent.includes("Give a key that is valid."))
    at("key").value = key
    at("server").happen("submit")
    await until(() => at("state").textContent === "live")
    assert.strictEqual(at("problem").textContent, "")
    assert.strictEqual(at("project").value, "hello")
    const before = lines().length
    assert.isAbove(before, 5)
    await RdevClient.make({ url: server.url, key }).execs.create({ project: "hello", command: ["echo", "live"] })
    await until(() => lines().some((line) => line.endsWith("output  live")))
  }, 60_000)
})
