/** The attacked server: a process of its own, in the machine's real sandbox, on a data folder that is thrown away. */
import { type ChildProcess, spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

export interface Target {
  readonly url: string
  readonly port: number
  readonly pid: number
  readonly dataDir: string
  readonly adminKey: string
  /** Last of what it printed on standard error. */
  readonly errors: () => string
  readonly stop: (signal: NodeJS.Signals) => Promise<void>
}

export type Through = readonly [program: string, ...args: ReadonlyArray<string>]

const program = fileURLToPath(new URL("../test/process/serve.ts", import.meta.url))
/** No attack takes longer; a runner that died leaves no server behind. */
const lifeMillis = 15 * 60_000

const ending = (child: ChildProcess): Promise<void> => new Promise((resolve) => child.once("close", () => resolve()))

/** `through`: a program that becomes the server, with its arguments; null = none. */
export const start = async (
  dataDir: string,
  environment: Readonly<Record<string, string>>,
  through: Through | null = null
): Promise<Target> => {
  const [first = process.execPath, ...words] = through === null ? [process.execPath] : [...through, process.execPath]
  const child = spawn(first, [...words, "--conditions=@rdev/source", program], {
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: process.env["HOME"] ?? "",
      RDEV_PORT: "0",
      RDEV_DATA_DIR: dataDir,
      RDEV_DRAIN_SECONDS: "1",
      RDEV_RATE_LIMIT: "0",
      ...environment
    },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: lifeMillis,
    killSignal: "SIGKILL"
  })
  const over = ending(child)
  let errors = ""
  child.stderr.on("data", (chunk: Buffer) => {
    errors = `${errors}${chunk.toString("utf8")}`.slice(-8_000)
  })
  const lines = createInterface({ input: child.stdout })
  const up = await Promise.race([
    new Promise<string>((resolve) =>
      lines.on("line", (line) => {
        if (line.startsWith("{")) resolve(line)
      })
    ),
    over.then(() => null)
  ])
  if (up === null) throw new Error(`the server ended with ${child.exitCode}: ${errors}`)
  child.stdout.resume()
  const { url } = JSON.parse(up) as { readonly url: string }
  return {
    url,
    port: Number(new URL(url).port),
    pid: child.pid ?? 0,
    dataDir,
    adminKey: readFileSync(join(dataDir, "admin.key"), "utf8").trim(),
    errors: () => errors,
    stop: async (signal) => {
      child.kill(signal)
      await over
    }
  }
}
