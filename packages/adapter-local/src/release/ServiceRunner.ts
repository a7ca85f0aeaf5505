/**
 * Runs a released Node service in the sandbox and keeps it running. The service listens on its own loopback; a relay beside it
 * listens on a socket file in its home, so that the edge reaches it while it reaches nothing of the host's network. The home is the
 * service's to write, so the file is never trusted by its name (see ConfinedSocket).
 */
import * as Redactor from "@rdev/core/redaction/Redactor"
import * as Turns from "@rdev/core/services/redaction/Turns"
import { Effect, Exit, Stream } from "effect"
import { mkdtemp } from "node:fs/promises"
import { createServer, Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as ConfinedFolder from "../confined/ConfinedFolder.ts"
import * as ConfinedSocket from "../confined/ConfinedSocket.ts"
import * as ConfinedTree from "../confined/ConfinedTree.ts"
import * as Lines from "@rdev/runtime-node/Lines"
import { attempt, fail } from "../LocalFailure.ts"
import type { Sandbox } from "../sandbox/Sandbox.ts"
import type { Network } from "../sandbox/SandboxTypes.ts"

const socketName = "edge.sock"
/** `sun_path` has 104 bytes on the smallest system. */
const maxSocketPath = 100
const insidePort = 8080
const keptLines = 200
const firstPauseMillis = 250
const maxPauseMillis = 30_000
/** A service that ran this long starts afresh with the shortest pause. */
const steadyMillis = 60_000

const relay =
  'const n=require("net"),f=process.env.RDEV_SOCKET;require("fs").rmSync(f,{force:true});n.createServer({allowHalfOpen:true},c=>{const s=n.connect({port:+process.env.PORT,host:"127.0.0.1",allowHalfOpen:true});c.on("error",()=>s.destroy());s.on("error",()=>c.destroy());c.pipe(s);s.pipe(c)}).listen(f)'

/** What a service may keep in its home until it is replaced. */
const homeBytes = 1024 ** 3

export interface Spec {
  /** Whose budget it uses: not that of the project's commands, which could then end what its visitors see. */
  readonly account: string
  readonly files: string
  readonly start: string
  readonly env: Readonly<Record<string, string>>
  readonly network: Network
}
export interface Service {
  /** A connection to it; what is wrong comes as the socket's error. */
  readonly connect: () => Socket
  /** Where its socket is, for other processes. */
  readonly home: string
  /** The last lines it printed. */
  readonly tail: () => ReadonlyArray<string>
  /** How often it ended, and how the last time. */
  readonly ends: () => { readonly count: number; readonly last: string }
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once("error", reject)
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address()
      probe.close(() =>
        typeof address === "object" && address !== null ? resolve(address.port) : reject(new Error("no port"))
      )
    })
  })

/** A folder with a path short enough for a socket in it. */
const runFolder = (dataDir: string, id: string) =>
  Effect.acquireRelease(
    attempt(async () => {
      const wanted = join(dataDir, "run", id.slice(-10).toLowerCase())
      return Buffer.byteLength(join(wanted, socketName)) <= maxSocketPath
        ? wanted
        : mkdtemp(join(tmpdir(), "rdev-run-"))
    }),
    (folder) => Effect.ignore(attempt(() => ConfinedTree.remove(folder)))
  )

/** Starts and supervises until the scope closes. Does not wait for the service to answer. */
export const supervise = Effect.fn("ServiceRunner.supervise")(function* (
  sandbox: Sandbox["Service"],
  dataDir: string,
  id: string,
  spec: Spec
) {
  const home = yield* runFolder(dataDir, id)
  yield* sandbox.ownFolder(home)
  const folders = { files: spec.files, home, filesReadOnly: true }
  const inside = sandbox.inside(folders)
  const held = yield* Effect.acquireRelease(
    attempt(async () => ConfinedFolder.openRoot(home)),
    (folder) => Effect.sync(() => ConfinedFolder.close(folder))
  )
  const connect = () => ConfinedSocket.connect(held, socketName)
  const redactor = Redactor.make(Object.values(spec.env))
  const lines: Array<string> = []
  let [count, last, pause] = [0, "", firstPauseMillis]

  const once = Effect.gen(function* () {
    // With a network of its own every service may have the same port.
    const port = spec.network === "internet" || inside.workDir === folders.files ? yield* attempt(freePort) : insidePort
    const process = yield* sandbox.start({
      folders,
      argv: ["sh", "-c", 'node -e "$RDEV_RELAY" & unset RDEV_RELAY RDEV_SOCKET; exec sh -c "$0"', spec.start],
      cwd: inside.workDir,
      network: spec.network,
      account: spec.account,
      quotas: [{ paths: [home], bytes: homeBytes, files: 100_000, what: "the service's home" }],
      atReserve: true,
      env: {
        NODE_ENV: "production",
        ...spec.env,
        HOST: "127.0.0.1",
        PORT: String(port),
        RDEV_SOCKET: join(inside.home, socketName),
        RDEV_RELAY: relay
      }
    })
    const splitters = { stdout: Lines.forLog(redactor), stderr: Lines.forLog(redactor) }
    yield* Stream.runForEach(process.output, ({ stream, data }) =>
      Effect.map(Turns.inPieces(data, splitters[stream].push), (found) => {
        lines.push(...found)
        lines.splice(0, Math.max(0, lines.length - keptLines))
      })
    )
    lines.push(...splitters.stdout.end(), ...splitters.stderr.end())
    const exit = yield* process.exit
    return exit.detail !== undefined
      ? `was ended: ${exit.detail}`
      : exit.code === null
        ? `ended by ${exit.signal ?? exit.reason}`
        : `exited ${exit.code}`
  }).pipe(Effect.scoped)

  const forever = Effect.gen(function* () {
    while (true) {
      const begun = performance.now()
      const outcome = yield* Effect.exit(once)
      last = Exit.isSuccess(outcome) ? outcome.value : `could not be started (${String(outcome.cause)})`
      count += 1
      if (performance.now() - begun > steadyMillis) pause = firstPauseMillis
      yield* Effect.logWarning(`service of release ${id} ${last}; it is started again in ${pause} ms`)
      yield* Effect.sleep(pause)
      pause = Math.min(maxPauseMillis, pause * 2)
    }
  })
  yield* Effect.forkScoped(forever, { startImmediately: true })
  return { connect, home, tail: () => [...lines], ends: () => ({ count, last }) } satisfies Service
})

/** The same from another process than the one that runs the service. */
export const connectTo = (home: string) => (): Socket => {
  let folder: ConfinedFolder.Folder
  try {
    folder = ConfinedFolder.openRoot(home)
  } catch (cause) {
    return new Socket().destroy(cause instanceof Error ? cause : new Error(String(cause)))
  }
  try {
    // It pins the socket itself before it answers.
    return ConfinedSocket.connect(folder, socketName)
  } finally {
    ConfinedFolder.close(folder)
  }
}

export const unsupported = fail({
  _tag: "Unsupported",
  message:
    "Node services need a loopback interface in the sandbox: install iproute2 (ip), or allow them the host's network"
})
