import { assert, describe, it } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { spawn } from "node:child_process"
import * as net from "node:net"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import * as TestPostgres from "../src/testing/TestPostgres.ts"

const listens = (port: number) =>
  Effect.promise(
    () =>
      new Promise<boolean>((resolve) => {
        const socket = net.connect(port, "127.0.0.1")
        socket.once("connect", () => {
          socket.destroy()
          resolve(true)
        })
        socket.once("error", () => resolve(false))
      })
  )
const gone = (port: number) =>
  Effect.flatMap(listens(port), (there) => (there ? Effect.fail("still there") : Effect.void)).pipe(
    Effect.retry(Schedule.spaced("50 millis").pipe(Schedule.upTo({ duration: "20 seconds" })))
  )

describe("TestPostgres", () => {
  it.live("ends the server with its scope, after a stop and start too", () =>
    Effect.gen(function* () {
      const port = yield* Effect.scoped(
        Effect.gen(function* () {
          const server = yield* TestPostgres.make()
          assert.isTrue(yield* listens(server.port))
          yield* server.stop("fast")
          assert.isFalse(yield* listens(server.port))
          yield* server.start
          assert.isTrue(yield* listens(server.port))
          return server.port
        })
      )
      assert.isFalse(yield* listens(port))
    })
  )

  it.live.skipIf(process.platform === "win32")("ends the server when the test process is killed", () =>
    Effect.gen(function* () {
      const child = spawn(
        process.execPath,
        ["--conditions=@rdev/source", fileURLToPath(new URL("./children/holdServer.ts", import.meta.url))],
        { stdio: ["ignore", "pipe", "inherit"] }
      )
      const line = yield* Effect.promise(
        () => new Promise<string>((resolve) => createInterface({ input: child.stdout }).once("line", resolve))
      )
      const port = Number(line.split(" ")[1])
      assert.isTrue(yield* listens(port))
      child.kill("SIGKILL")
      yield* gone(port)
    })
  )
})
