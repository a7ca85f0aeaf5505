/** Starts, stops and kills replicas by their pid. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

export interface Replica {
  readonly pid: number
  readonly lines: Array<string>
  /** Rejects when the process ends first. */
  readonly ready: Promise<void>
  readonly ended: Promise<void>
  readonly signal: (signal: "SIGKILL" | "SIGSTOP" | "SIGCONT" | "SIGTERM") => void
}

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))
/** Bundled: from its sources a replica takes 1.5 s of a processor to load, and many are killed here. */
const program = execFileSync(process.execPath, [at("../../../../scripts/testProgram.mjs"), at("./Replica.ts")])
  .toString()
  .trim()
const started = new Set<ChildProcess>()

export const start = (args: {
  readonly provider: string
  readonly leaseMillis?: number
  readonly where: string
  readonly count?: number
}): Replica => {
  const child = spawn(
    process.execPath,
    [program, args.provider, String(args.leaseMillis ?? 4_000), args.where, String(args.count ?? 0)],
    { stdio: ["ignore", "pipe", "pipe"] }
  )
  started.add(child)
  const lines: Array<string> = []
  const ended = new Promise<void>((resolve) =>
    child.once("exit", () => {
      started.delete(child)
      resolve()
    })
  )
  const ready = new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream }).on("line", (line) => {
        lines.push(line)
        if (line === "ready") resolve()
      })
    void ended.then(() => reject(new Error(`the replica ended early:\n${lines.slice(-20).join("\n")}`)))
  })
  ready.catch(() => undefined)
  return { pid: child.pid ?? 0, lines, ready, ended, signal: (signal) => void child.kill(signal) }
}

export const killAll = async (): Promise<void> => {
  const children = [...started]
  await Promise.all(
    children.map(
      (child) =>
        new Promise<void>((resolve) => {
          child.once("exit", () => resolve())
          child.kill("SIGKILL")
        })
    )
  )
}

/** Looks every 20 ms until the value is there. */
export const eventually = async <A>(
  what: string,
  look: () => Promise<A | undefined> | A | undefined,
  deadlineMillis = 60_000
): Promise<A> => {
  const deadline = Date.now() + deadlineMillis
  for (;;) {
    const value = await look()
    if (value !== undefined) return value
    if (Date.now() > deadline) throw new Error(`${what}: not within ${deadlineMillis / 1000} s`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
