/**
 * Starts programs. The system copies the page tables of a process for every child that it starts, which takes a server of some hundred
 * megabytes ten milliseconds and more, during which it does nothing else. While `layer` stands, a small helper process
 * starts the children instead; without it, and while the helper is not there, this process does it itself. Callers see no difference.
 *
 * The helper's children die with it where they asked to die with their parent, and it dies with this process.
 */
import { Effect, Layer, type Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { createServer, type Server, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Duplex } from "node:stream"
import { fileURLToPath } from "node:url"
import {
  descriptorsOf,
  type Exit,
  folderPrefix,
  type FromHelper,
  parseGreeting,
  type Request,
  spawnPiped,
  type ToHelper
} from "./LaunchOrder.ts"

export type { Exit, Request } from "./LaunchOrder.ts"

/** A child that runs. */
export interface Launched {
  readonly pid: number
  /**
   * By descriptor: 0 is written to, 1 and 2 are read from, the others are both. Read from the first moment: what nobody listens to when
   * the child ends is discarded. Errors must be listened to on 0 and from 3 on.
   */
  readonly stdio: ReadonlyArray<Duplex>
  /** Both null when the helper was lost, and with it what became of the child. */
  readonly exit: Promise<Exit>
  /** Whether `exit` has come. */
  readonly ended: () => boolean
  /** Nothing when it has ended. */
  readonly kill: (signal: NodeJS.Signals) => void
}

const direct = (request: Request): Promise<Launched> =>
  new Promise((resolve, reject) => {
    const child = spawnPiped(request)
    // Later ones are of signals that did not arrive; how the child ends is told by its exit.
    child.on("error", reject)
    const { pid } = child
    if (pid === undefined) return
    let ended = false
    const exit = new Promise<Exit>((done) =>
      child.once("exit", (code, signal) => {
        ended = true
        done({ code, signal })
      })
    )
    resolve({
      pid,
      stdio: child.stdio.slice(0, descriptorsOf(request)) as unknown as ReadonlyArray<Duplex>,
      exit,
      ended: () => ended,
      kill: (signal) => {
        child.kill(signal)
      }
    })
  })

/** A launch from its order to its end. Its parts come by several ways, so in any order: even the end before a descriptor. */
interface Pending {
  readonly sockets: Array<Socket | undefined>
  pid: number | null
  hasEnded: boolean
  readonly started: (launched: Launched) => void
  readonly refused: (cause: Error) => void
  readonly end: (exit: Exit) => void
  readonly exit: Promise<Exit>
}

const launchMillis = 30_000
const lost = "the launch helper ended; what it had started is gone with it"
const failure = (code: string, message: string): Error => Object.assign(new Error(message), { code })

/** One helper process and what it has started. */
class Helper {
  private readonly folder = mkdtempSync(join(tmpdir(), folderPrefix))
  private readonly pending = new Map<number, Pending>()
  private readonly server: Server
  private readonly path = join(this.folder, "socket")
  private process: ChildProcess | null = null
  private next = 1
  private ready = false
  /** Nothing more is started here: it was closed, or a helper ended before it could work. */
  private over = false
  constructor() {
    this.server = createServer({ allowHalfOpen: true }, (socket) => this.greet(socket))
    this.server.unref()
    // Without a socket there is no helper, and this process goes on starting its children itself.
    this.server.on("error", () => this.close())
    this.server.listen(this.path, () => this.run())
  }

  /** Whether it takes orders now. One that was lost is replaced by asking. */
  isReady(): boolean {
    if (this.process === null && this.server.listening) this.run()
    return this.ready
  }

  private run(): void {
    if (this.over || this.process !== null) return
    const program = fileURLToPath(
      new URL(`./LaunchHelper.${import.meta.url.endsWith(".ts") ? "ts" : "js"}`, import.meta.url)
    )
    const child = spawn(process.execPath, [program, this.path], {
      stdio: ["ignore", "ignore", "inherit", "ipc"],
      env: { PATH: process.env["PATH"] ?? "" },
      cwd: "/",
      detached: true
    })
    this.process = child
    child.unref()
    child.channel?.unref()
    child.on("message", (message: FromHelper) => this.hear(message))
    child.once("error", () => this.lose())
    child.once("exit", () => this.lose())
  }

  private lose(): void {
    this.over ||= !this.ready
    this.ready = false
    this.process = null
    for (const one of this.pending.values()) {
      one.refused(failure("ECONNRESET", lost))
      one.end({ code: null, signal: null })
      for (const socket of one.sockets) socket?.destroy()
    }
    this.pending.clear()
  }

  private greet(socket: Socket): void {
    let text = Buffer.alloc(0)
    // Whoever uses it hears of its end; what was wrong with a socket says nothing about the child.
    socket.on("error", () => undefined)
    const read = (): void => {
      const chunk: Buffer | null = socket.read()
      if (chunk === null) return
      text = Buffer.concat([text, chunk])
      const end = text.indexOf(10)
      if (end === -1) return
      socket.off("readable", read)
      const whose = parseGreeting(text.subarray(0, end).toString("latin1"))
      const pending = whose === null ? undefined : this.pending.get(whose.id)
      if (whose === null || pending === undefined) return void socket.destroy()
      if (end + 1 < text.length) socket.unshift(text.subarray(end + 1))
      if (whose.descriptor === 0) socket.resume()
      if (whose.descriptor === 1 || whose.descriptor === 2) socket.end()
      pending.sockets[whose.descriptor] = socket
      this.settle(whose.id, pending)
    }
    socket.on("readable", read)
  }

  private hear(message: FromHelper): void {
    if (message === "ready") {
      this.ready = !this.over
      return
    }
    const pending = this.pending.get(message.id)
    if (pending === undefined) return
    if ("pid" in message) {
      pending.pid = message.pid
      this.settle(message.id, pending)
    } else if ("failed" in message) {
      pending.refused(failure(message.failed.code, message.failed.message))
      for (const socket of pending.sockets) socket?.destroy()
      this.forget(message.id)
    } else {
      pending.end(message.exit)
      this.settle(message.id, pending)
    }
  }

  /** Complete when the child runs and all of its descriptors are connected. */
  private settle(id: number, pending: Pending): void {
    const { exit, pid, sockets } = pending
    const stdio = sockets.filter((socket) => socket !== undefined)
    if (pid === null || stdio.length < sockets.length) return
    pending.started({
      pid,
      stdio,
      exit,
      ended: () => pending.hasEnded,
      kill: (signal) => {
        if (!pending.hasEnded) this.send({ id, kill: signal })
      }
    })
    if (pending.hasEnded) this.forget(id)
  }

  private forget(id: number): void {
    this.pending.delete(id)
    if (this.pending.size === 0) this.process?.channel?.unref()
  }

  private send(message: ToHelper): void {
    // A message that cannot be sent means that the helper is gone, and `lose` hears of that.
    this.process?.send(message, () => undefined)
  }

  launch(request: Request): Promise<Launched> {
    return new Promise((resolve, reject) => {
      const id = this.next++
      const { promise: exit, resolve: ended } = Promise.withResolvers<Exit>()
      // A helper that is stopped or starved answers nobody.
      const timer = setTimeout(() => {
        pending.refused(failure("ETIMEDOUT", `${request.program} was not started within ${launchMillis} ms`))
        this.send({ id, kill: "SIGKILL" })
        this.forget(id)
      }, launchMillis)
      const pending: Pending = {
        sockets: Array.from({ length: descriptorsOf(request) }, () => undefined),
        pid: null,
        hasEnded: false,
        started: (launched) => {
          clearTimeout(timer)
          resolve(launched)
        },
        refused: (cause) => {
          clearTimeout(timer)
          reject(cause)
        },
        end: (how) => {
          pending.hasEnded = true
          ended(how)
        },
        exit
      }
      this.pending.set(id, pending)
      this.process?.channel?.ref()
      this.send({ ...request, id })
    })
  }

  close(): void {
    this.over = true
    this.ready = false
    if (this.process?.connected === true) this.process.disconnect()
    this.server.close()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** The helper of this process: how a process starts others is one thing for all of it. */
let active: { readonly helper: Helper; users: number } | null = null

/** Runs the program; rejects when it cannot be started (ENOENT, EACCES, …). */
export const launch = (request: Request): Promise<Launched> =>
  active !== null && active.helper.isReady() ? active.helper.launch(request) : direct(request)

// Elsewhere a child is started without copying the process.
const acquire = Effect.try(() => {
  if (process.platform !== "linux") return
  active ??= { helper: new Helper(), users: 0 }
  active.users++
}).pipe(
  Effect.catch((error) =>
    Effect.logWarning(
      "no launch helper (is the folder for temporary files writable?); this process starts its children itself",
      error.cause
    )
  )
)
const release = Effect.sync(() => {
  if (active === null || --active.users > 0) return
  active.helper.close()
  active = null
})

/** A helper for this process until the scope ends; shared when several ask for one. */
export const helped: Effect.Effect<void, never, Scope.Scope> = Effect.acquireRelease(acquire, () => release)
export const layer: Layer.Layer<never> = Layer.effectDiscard(helped)
