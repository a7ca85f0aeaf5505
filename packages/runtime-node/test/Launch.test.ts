/** The same children, started by this process and by its helper. */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { createHash } from "node:crypto"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Duplex } from "node:stream"
import { afterAll } from "vitest"
import * as Launch from "../src/Launch.ts"

const env = { PATH: process.env["PATH"] ?? "", WORD: "from the environment" }
const sh = (script: string, more: Partial<Launch.Request> = {}) =>
  Launch.launch({ program: "/bin/sh", args: ["-c", script], env, ...more })
const read = async (stream: Duplex | undefined): Promise<Buffer> => {
  const chunks: Array<Buffer> = []
  for await (const chunk of stream ?? []) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
const text = async (stream: Duplex | undefined) => (await read(stream)).toString("utf8")
const parentOf = (pid: number): number =>
  Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1])
/** Answers when the helper does, and not this process. */
const helperPid = async (): Promise<number> => {
  for (let i = 0; i < 2_000; i++) {
    const child = await sh("read word")
    const parent = parentOf(child.pid)
    child.stdio[0]?.end("\n")
    await child.exit
    if (parent !== process.pid) return parent
    await new Promise((done) => setImmediate(done))
  }
  throw new Error("the helper did not take over")
}

const behaviour = () => {
  it("passes arguments, the whole environment and the folder, and tells outputs and the exit code apart", async () => {
    const child = await Launch.launch({
      program: "/bin/sh",
      args: ["-c", 'echo "$1 $WORD $HOME"; pwd; echo oops >&2; exit 3', "sh", "one  two"],
      env,
      cwd: "/usr"
    })
    const [out, error, exit] = await Promise.all([text(child.stdio[1]), text(child.stdio[2]), child.exit])
    assert.strictEqual(out, "one  two from the environment \n/usr\n")
    assert.strictEqual(error, "oops\n")
    assert.deepStrictEqual(exit, { code: 3, signal: null })
    assert.isTrue(child.ended())
  })

  it("loses nothing of a child that ends at once", async () => {
    for (let i = 0; i < 30; i++) {
      const child = await sh(`echo line ${i}`)
      const [out] = await Promise.all([text(child.stdio[1]), child.exit])
      assert.strictEqual(out, `line ${i}\n`)
    }
  })

  it("carries much data both ways, as fast as it is taken", async () => {
    const sent = Buffer.alloc(24 * 1024 * 1024, "0123456789abcdef\n")
    const child = await Launch.launch({ program: "cat", args: [], env })
    child.stdio[0]?.end(sent)
    const hash = createHash("sha256")
    for await (const chunk of child.stdio[1] ?? []) hash.update(chunk as Buffer)
    assert.strictEqual(hash.digest("hex"), createHash("sha256").update(sent).digest("hex"))
    assert.deepStrictEqual(await child.exit, { code: 0, signal: null })
  })

  it("connects further descriptors both ways, each with its own end", async () => {
    const child = await sh('read word <&3; echo "heard $word" >&3; cat <&4 >&4', { descriptors: 5 })
    const [, , , control, script] = child.stdio
    control?.write("hello\n")
    script?.end("until the end")
    assert.deepStrictEqual(await Promise.all([text(control), text(script)]), ["heard hello\n", "until the end"])
    assert.deepStrictEqual(await child.exit, { code: 0, signal: null })
  })

  it("says what cannot be started", async () => {
    const cause = await Launch.launch({ program: "/no/such/program", args: [], env }).then(
      () => null,
      (error: unknown) => error
    )
    assert.instanceOf(cause, Error)
    assert.strictEqual(Reflect.get(cause as Error, "code"), "ENOENT")
  })

  it("kills, and the signal is told", async () => {
    const child = await sh("sleep 60")
    child.kill("SIGKILL")
    assert.deepStrictEqual(await child.exit, { code: null, signal: "SIGKILL" })
    child.kill("SIGKILL")
  })

  it("puts a child into a session and a group of its own", async () => {
    const child = await sh("sleep 60 & echo started; wait")
    await new Promise((done) => child.stdio[1]?.once("data", done))
    process.kill(-child.pid, "SIGKILL")
    assert.deepStrictEqual(await child.exit, { code: null, signal: "SIGKILL" })
  })

  it("lets a child that writes notice that nobody reads any more, and goes on without its input", async () => {
    const writer = await Launch.launch({ program: "yes", args: [], env })
    await new Promise((done) => writer.stdio[1]?.once("data", done))
    writer.stdio[1]?.destroy()
    const { code, signal } = await writer.exit
    assert.isTrue(signal === "SIGPIPE" || code === 1, `${code} ${signal}`)

    const deaf = await sh("exec <&-; echo done")
    deaf.stdio[0]?.on("error", () => undefined)
    deaf.stdio[0]?.end(Buffer.alloc(4 * 1024 * 1024))
    assert.strictEqual(await text(deaf.stdio[1]), "done\n")
    assert.deepStrictEqual(await deaf.exit, { code: 0, signal: null })
  })

  it("runs many at once", async () => {
    const outputs = await Promise.all(
      Array.from({ length: 60 }, async (_, i) => {
        const child = await sh(`echo ${i}`)
        return text(child.stdio[1])
      })
    )
    assert.deepStrictEqual(
      outputs,
      outputs.map((_, i) => `${i}\n`)
    )
  })
}

describe("a process that starts its children itself", behaviour)

describe.runIf(process.platform === "linux")("a process with a helper", () => {
  const scope = Scope.makeUnsafe()
  beforeAll(async () => {
    await Effect.runPromise(Scope.provide(Launch.helped, scope))
    await helperPid()
  })
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))
  behaviour()

  it("leaves nothing behind when it was killed", async () => {
    const program = new URL("../src/Launch.ts", import.meta.url).href
    const folder = mkdtempSync(join(tmpdir(), "rdev-launch-test-"))
    const script = `
      const { Effect, Scope } = await import(${JSON.stringify(import.meta.resolve("effect"))})
      const Launch = await import(${JSON.stringify(program)})
      await Effect.runPromise(Scope.provide(Launch.helped, Scope.makeUnsafe()))
      for (;;) {
        const child = await Launch.launch({ program: "sleep", args: ["5"], env: {} })
        const { readFileSync } = await import("node:fs")
        const parent = Number(/^PPid:\\s+(\\d+)$/m.exec(readFileSync("/proc/" + child.pid + "/status", "utf8"))[1])
        if (parent !== process.pid) { console.log("helped"); break }
        child.kill("SIGKILL")
        await child.exit
      }
      setInterval(() => {}, 1000)`
    const child = await Launch.launch({
      program: process.execPath,
      args: ["--conditions=@rdev/source", "--input-type=module", "-e", script],
      env: { ...env, TMPDIR: folder }
    })
    // Its helper has the same standard error, which therefore ends with the last of the two.
    const complaints = text(child.stdio[2])
    await new Promise((done) => child.stdio[1]?.once("data", done))
    assert.strictEqual(readdirSync(folder).length, 1)
    child.kill("SIGKILL")
    await child.exit
    assert.strictEqual(await complaints, "")
    assert.deepStrictEqual(readdirSync(folder), [])
    rmSync(folder, { recursive: true })
  }, 60_000)

  it("goes on without it when it is gone, with another one soon, and what it had started is told to be lost", async () => {
    const helper = await helperPid()
    const child = await sh("read word")
    assert.strictEqual(parentOf(child.pid), helper)
    process.kill(helper, "SIGKILL")
    assert.deepStrictEqual(await child.exit, { code: null, signal: null })
    assert.strictEqual(await text(child.stdio[1]), "")
    const next = await sh("echo still")
    assert.strictEqual(parentOf(next.pid), process.pid)
    assert.strictEqual(await text(next.stdio[1]), "still\n")
    assert.notStrictEqual(await helperPid(), helper)
  })
})

describe.runIf(process.platform === "linux")("a process that can have no helper", () => {
  it.each([
    ["cannot be written", "/proc/nowhere"],
    ["has too long a name for a socket", join(tmpdir(), `rdev-${"x".repeat(100)}`)]
  ])("starts its children itself: the folder for temporary files %s", async (_, folder) => {
    if (!folder.startsWith("/proc")) mkdirSync(folder, { recursive: true })
    const before = process.env["TMPDIR"]
    process.env["TMPDIR"] = folder
    const scope = Scope.makeUnsafe()
    await Effect.runPromise(Scope.provide(Launch.helped, scope))
    if (before === undefined) delete process.env["TMPDIR"]
    else process.env["TMPDIR"] = before
    const child = await sh("echo alone")
    assert.strictEqual(parentOf(child.pid), process.pid)
    assert.strictEqual(await text(child.stdio[1]), "alone\n")
    await Effect.runPromise(Scope.close(scope, Exit.void))
    if (folder.startsWith("/proc")) return
    assert.deepStrictEqual(readdirSync(folder), [])
    rmSync(folder, { recursive: true })
  })
})
