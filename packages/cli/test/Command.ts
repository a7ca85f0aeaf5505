/**
 * The command line as a process of its own. The built program when it is that of these sources, as `npm test` sees to: loading the
 * sources takes it three times the processor time. Else the sources.
 */
import { type ChildProcessByStdio, spawn, spawnSync } from "node:child_process"
import type { Readable } from "node:stream"
import { fileURLToPath } from "node:url"

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const isBuilt =
  spawnSync(process.execPath, [at("../../../scripts/setup.mjs"), "check"], { stdio: "ignore" }).status === 0
const program = isBuilt ? [at("../dist/program/rdev.js")] : ["--conditions=@rdev/source", at("../src/bin.ts")]

export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Starts it. The environment holds nothing of rdev's but what is given. */
export const start = (
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>>
): ChildProcessByStdio<null, Readable, Readable> =>
  spawn(process.execPath, [...program, ...args], {
    env: { PATH: process.env["PATH"] ?? "", ...env },
    stdio: ["ignore", "pipe", "pipe"]
  })

/** Runs it to its end. `line`: called with what was printed so far. */
export const run = (
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>>,
  line: (out: string) => void = () => {}
): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const child = start(args, env)
    let out = ""
    let err = ""
    child.stdout.on("data", (chunk) => line((out += String(chunk))))
    child.stderr.on("data", (chunk) => {
      err += String(chunk)
    })
    child.on("error", reject).on("close", (code) => resolve({ code, out, err }))
  })
