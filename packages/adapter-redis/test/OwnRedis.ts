/** Redis servers of a test's own, on free ports: to be stopped, started again and stood before by a proxy. */
import { Effect, type Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer, type AddressInfo, connect, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

const freePort = () =>
  new Promise<number>((resolve, reject) => {
    const server = createServer()
    server.on("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })

export interface OwnRedis {
  readonly port: number
  readonly url: string
  readonly start: () => Promise<void>
  readonly stop: (signal?: NodeJS.Signals) => Promise<void>
}
export interface Options {
  readonly arguments?: ReadonlyArray<string>
  readonly cluster?: boolean
  readonly aclFile?: boolean
  readonly sentinelOf?: number
}

const answers = (port: number, password: string) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(port, "127.0.0.1")
    let said = ""
    const end = (ok: boolean) => {
      socket.destroy()
      resolve(ok)
    }
    socket.on("error", () => end(false))
    socket.on("connect", () =>
      socket.write(`*3\r\n$4\r\nAUTH\r\n$5\r\nadmin\r\n$${password.length}\r\n${password}\r\n`)
    )
    socket.on("data", (chunk) => {
      said += String(chunk)
      if (said.includes("\r\n")) end(!said.includes("LOADING"))
    })
    socket.setTimeout(2_000, () => end(false))
  })

export const make = (options: Options = {}): Effect.Effect<OwnRedis, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const folder = mkdtempSync(join(tmpdir(), "rdev-redis-"))
      const port = await freePort()
      const password = "lab-secret"
      const users = join(folder, "users.acl")
      const user = `user admin on >${password} ~* &* +@all`
      if (options.aclFile !== false) writeFileSync(users, `user default off nopass nocommands\n${user}\n`)
      const config = join(folder, "redis.conf")
      if (options.aclFile === false) writeFileSync(config, `${user}\n`)
      const sentinel = join(folder, "sentinel.conf")
      if (options.sentinelOf !== undefined)
        writeFileSync(
          sentinel,
          `port ${port}\nbind 127.0.0.1\ndir ${folder}\nsentinel monitor lab 127.0.0.1 ${options.sentinelOf} 1\nsentinel auth-user lab admin\nsentinel auth-pass lab ${password}\n`
        )
      let child: ChildProcess | null = null
      const start = async () => {
        const args =
          options.sentinelOf === undefined
            ? [
                ...(options.aclFile === false ? [config] : []),
                "--bind",
                "127.0.0.1",
                "--port",
                String(port),
                "--dir",
                folder,
                "--save",
                "",
                ...(options.aclFile === false ? [] : ["--aclfile", users]),
                ...(options.cluster === true
                  ? [
                      "--cluster-enabled",
                      "yes",
                      "--cluster-announce-ip",
                      "127.0.0.1",
                      "--cluster-port",
                      String(await freePort())
                    ]
                  : []),
                ...(options.arguments ?? [])
              ]
            : [sentinel, "--sentinel"]
        child = spawn("redis-server", args, { stdio: "ignore", timeout: 170_000, killSignal: "SIGKILL" })
        for (let tries = 0; !(await answers(port, password)); tries++) {
          if (tries > 200 || child.exitCode !== null) throw new Error(`redis-server did not start: ${args.join(" ")}`)
          await new Promise((resolve) => setTimeout(resolve, 50))
        }
      }
      const stop = async (signal: NodeJS.Signals = "SIGTERM") => {
        const running = child
        child = null
        if (running === null || running.exitCode !== null) return
        const ended = new Promise((resolve) => running.once("exit", resolve))
        running.kill(signal)
        await ended
      }
      await start()
      return { port, url: `redis://admin:${password}@127.0.0.1:${port}/0`, start, stop, folder }
    }),
    ({ folder, stop }) =>
      Effect.promise(async () => {
        await stop("SIGKILL")
        rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
      })
  )

export type Fault = "none" | "cut" | "silence" | "half" | "refuse"
export interface Proxy {
  readonly port: number
  /** From now on. `half`: the first byte of each answer, then the connection ends. `silence`: answers are swallowed. */
  fault(fault: Fault): void
}
/** Stands before a server and breaks what it answers. */
export const proxy = (target: number): Effect.Effect<Proxy, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(
        () =>
          new Promise<{ readonly proxy: Proxy; readonly end: () => void }>((resolve) => {
            let now: Fault = "none"
            const sockets = new Set<Socket>()
            const server = createServer((from) => {
              if (now === "refuse") return void from.destroy()
              const to = connect(target, "127.0.0.1")
              for (const socket of [from, to]) {
                sockets.add(socket)
                socket.on("error", () => socket.destroy())
              }
              from.on("close", () => to.destroy())
              to.on("close", () => from.destroy())
              from.pipe(to)
              to.on("data", (chunk: Buffer) => {
                if (now === "none") from.write(chunk)
                else if (now === "half") from.end(chunk.subarray(0, 1))
                else if (now === "cut") from.destroy()
              })
            })
            server.listen(0, "127.0.0.1", () =>
              resolve({
                proxy: {
                  port: (server.address() as AddressInfo).port,
                  fault: (fault) => {
                    now = fault
                    if (fault === "cut" || fault === "refuse") for (const socket of sockets) socket.destroy()
                  }
                },
                end: () => {
                  for (const socket of sockets) socket.destroy()
                  server.close()
                }
              })
            )
          })
      ),
      ({ end }) => Effect.sync(end)
    ),
    ({ proxy }) => proxy
  )
