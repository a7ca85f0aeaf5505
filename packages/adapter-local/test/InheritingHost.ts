/** A host process that was started with much that a command must not get. Runs the script of its second argument in a sandbox and prints what it printed. */
import { Effect, Stream } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Launch from "@rdev/runtime-node/Launch"
import * as Sandbox from "../src/sandbox/Sandbox.ts"

const [, , how = "", script = ""] = process.argv
const dataDir = mkdtempSync(join(tmpdir(), "rdev-inherit-"))
const folders = { files: join(dataDir, "files"), home: join(dataDir, "home"), filesReadOnly: false }

const parent = async (): Promise<number> => {
  const child = await Launch.launch({ program: "/bin/sh", args: ["-c", "echo $PPID"], env: {} })
  let said = ""
  for await (const chunk of child.stdio[1] ?? []) said += String(chunk)
  return Number(said)
}

await Effect.runPromise(
  Effect.scoped(
    Effect.gen(function* () {
      if (how === "helped") {
        yield* Launch.helped
        while ((yield* Effect.promise(parent)) === process.pid) yield* Effect.sleep(5)
      }
      const sandbox = yield* Sandbox.make({ dataDir, unsafeHost: true })
      yield* sandbox.ownFolder(folders.files)
      yield* sandbox.ownFolder(folders.home)
      const plain = yield* Effect.promise(async () => {
        const child = await Launch.launch({ program: "/bin/sh", args: ["-c", "ls -l /proc/self/fd"], env: {} })
        let said = ""
        for await (const chunk of child.stdio[1] ?? []) said += String(chunk)
        return said
      })
      const running = yield* sandbox.start({
        folders,
        argv: ["sh", "-c", script],
        cwd: sandbox.inside(folders).workDir,
        env: { PERL5OPT: "-Mnone", LD_PRELOAD: "" },
        network: "none"
      })
      const chunks = yield* Stream.runCollect(running.output)
      const exit = yield* running.exit
      yield* Effect.sync(() =>
        console.log(
          JSON.stringify({
            isolation: sandbox.isolation,
            exit,
            text: Buffer.concat(chunks.map((chunk) => chunk.data)).toString("utf8"),
            plain
          })
        )
      )
    })
  )
).finally(() => rmSync(dataDir, { recursive: true, force: true }))
