/**
 * One command in a sandbox, from its start to its end. Output is read only as fast as it is asked for, so its memory is bounded by
 * the pipes. Ending is TERM, then KILL after five seconds, and takes every descendant along.
 */
import type { ExitStatus, OutputChunk } from "@rdev/core/ports/infra/WorkspaceHost"
import { readdir, readFile } from "node:fs/promises"
import type { Duplex, Readable } from "node:stream"
import * as Launch from "@rdev/runtime-node/Launch"
import { fail, fromUnknown, invalid, type LocalFailure } from "../LocalFailure.ts"
import * as SandboxLoader from "./SandboxLoader.ts"
import { bootstrap, commandScript, systemPath } from "./SandboxScript.ts"
import { architectureOf } from "./Seccomp.ts"
import type { Backend, SandboxRequest } from "./SandboxTypes.ts"

export const graceMillis = 5_000
const startMillis = 30_000
const maxControlBytes = 16_384
/** Variable by which processes without a namespace are found again. */
export const marker = "RDEV_EXEC"

const signals: Readonly<Record<number, string>> = {
  1: "SIGHUP",
  2: "SIGINT",
  3: "SIGQUIT",
  4: "SIGILL",
  5: "SIGTRAP",
  6: "SIGABRT",
  7: "SIGBUS",
  8: "SIGFPE",
  9: "SIGKILL",
  10: "SIGUSR1",
  11: "SIGSEGV",
  12: "SIGUSR2",
  13: "SIGPIPE",
  14: "SIGALRM",
  15: "SIGTERM",
  24: "SIGXCPU",
  25: "SIGXFSZ",
  31: "SIGSYS"
}
/** Shells say nothing about these deaths; a program seldom exits with their codes by itself. */
const silent: ReadonlySet<number> = new Set([130, 141])

/** What the supervisor's exit code and messages mean. */
export const interpret = (
  code: number,
  control: string
): Omit<ExitStatus, "reason"> & { readonly reason: "exited" | "signal" } => {
  const signal = signals[code - 128]
  const said = control.split("\n").some((line) => line !== "" && !/^exit \d+$/.test(line))
  return signal !== undefined && (said || silent.has(code))
    ? { code: null, signal, reason: "signal" }
    : { code, signal: null, reason: "exited" }
}

const oomKills = async (): Promise<string> =>
  /^oom_kill (\d+)$/m.exec(await readFile("/proc/vmstat", "utf8").catch(() => ""))?.[1] ?? "0"

export interface SandboxProcess {
  readonly output: AsyncIterable<OutputChunk>
  readonly exit: Promise<ExitStatus>
  /** Of the launcher; what it started is below. */
  readonly pid: number
  terminate(reason: Ending, detail?: string): Promise<void>
}
/** Why this side ended a command. */
export type Ending = "killed" | "timeout" | "oom" | "disk"

/**
 * Both streams as one. Listens from the first moment: Node discards what an ended process left in a pipe that nobody listens to.
 * Nothing is read ahead beyond the streams' own buffers.
 */
const merge = (stdout: Readable, stderr: Readable): AsyncIterable<OutputChunk> => {
  let wake = () => {}
  let fresh = false
  const open = new Set<"stdout" | "stderr">(["stdout", "stderr"])
  const sources = [
    ["stdout", stdout],
    ["stderr", stderr]
  ] as const
  const signal = () => {
    fresh = true
    wake()
  }
  for (const [name, source] of sources) {
    const end = () => {
      open.delete(name)
      signal()
    }
    source.on("readable", signal).on("end", end).on("close", end).on("error", end)
  }
  async function* chunks(): AsyncGenerator<OutputChunk> {
    while (true) {
      fresh = false
      let read = false
      for (const [stream, source] of sources) {
        const data: Buffer | null = source.read()
        if (data === null) continue
        read = true
        yield { stream, data }
      }
      if (read) continue
      if (open.size === 0) return
      if (!fresh)
        await new Promise<void>((resolve) => {
          wake = resolve
        })
    }
  }
  return { [Symbol.asyncIterator]: chunks }
}

/** Processes of this user that carry the marker: those that left the group by setsid. */
const marked = async (id: string): Promise<ReadonlyArray<number>> => {
  if (process.platform !== "linux") return []
  const wanted = Buffer.from(`${marker}=${id}\0`)
  const found: Array<number> = []
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue
    const env = await readFile(`/proc/${name}/environ`).catch(() => null)
    if (env?.includes(wanted) === true) found.push(Number(name))
  }
  return found
}
const send = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal)
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && (cause.code === "ESRCH" || cause.code === "EPERM"))) throw cause
  }
}

const refusals = (argv: ReadonlyArray<string>, cwd: string): Readonly<Record<string, () => LocalFailure>> => ({
  missing: () => invalid("argv", `${argv[0]} was not found in the workspace`),
  denied: () => invalid("argv", `${argv[0]} is not executable`),
  cwd: () => invalid("cwd", `${cwd} is not a folder in the workspace`),
  limits: () =>
    fail({
      _tag: "Unsupported",
      message: "the limits of the command could not be set (is prlimit of util-linux there?)"
    })
})

/** First lines of what a launcher that gave up printed. */
const lastWords = async (control: () => string, output: AsyncIterable<OutputChunk>): Promise<string> => {
  let printed = ""
  for await (const { data } of output)
    if (printed.length < maxControlBytes) printed += Buffer.from(data).toString("utf8")
  return (
    `${control()}\n${printed}`
      .split("\n")
      .filter((line) => line !== "" && !/^exit \d+$/.test(line))
      .slice(0, 3)
      .join("; ") || "it ended without a message"
  )
}

/** Waits for the start report on descriptor 4. */
const started = (
  child: Launch.Launched,
  report: Duplex,
  control: () => string,
  output: AsyncIterable<OutputChunk>,
  request: SandboxRequest
): Promise<void> =>
  new Promise((resolve, reject) => {
    let text = ""
    const timer = setTimeout(
      () => reject(fail({ _tag: "Unavailable", message: `the sandbox did not start within ${startMillis} ms` })),
      startMillis
    )
    const settle = (failure: LocalFailure | null) => {
      clearTimeout(timer)
      if (failure === null) resolve()
      else reject(failure)
    }
    const judge = () => {
      const word = text.split("\n", 1)[0] ?? ""
      if (!text.includes("\n")) return
      if (word === "ok") return settle(null)
      if (word.startsWith("loader "))
        return settle(
          fail({ _tag: "Unsupported", message: `the command's walls do not stand: ${word.slice("loader ".length)}` })
        )
      const known = refusals(request.argv, request.cwd)[word]
      settle(
        known === undefined
          ? invalid(
              "argv",
              `${request.argv[0]}: its interpreter ${word.replace(/^interpreter /, "")} was not found in the workspace`
            )
          : known()
      )
    }
    const ended = async () => {
      // The report may still be in the pipe when the end is known.
      if (!report.readableEnded && !report.destroyed)
        await new Promise<void>((done) => report.once("end", done).once("close", done))
      if (text.includes("\n")) return
      settle(
        fail({ _tag: "Unavailable", message: `the sandbox could not be set up: ${await lastWords(control, output)}` })
      )
    }
    report.on("data", (chunk: Buffer) => {
      text += chunk.toString("utf8")
      judge()
    })
    child.exit.then(ended).catch((cause: unknown) => settle(fromUnknown(cause)))
  })

/** Lowest niceness of a command: none is more urgent than the server. */
const nice = 0
const loaderWords = ({ last: { filter, loader }, rlimits }: Backend, request: SandboxRequest): string | null => {
  const architecture = architectureOf(process.arch)
  return loader === null || architecture === null
    ? null
    : SandboxLoader.words(loader, { architecture, filter, nice, rlimits: rlimits(request.limits) })
}

/** `oom`: words for memory that a control group ran out of, null when it did not; asked when the command has ended. */
export const start = async (
  backend: Backend,
  request: SandboxRequest,
  id: string,
  oom: () => Promise<string | null> = () => Promise.resolve(null)
): Promise<SandboxProcess> => {
  const launch = await backend.launch(request)
  const group = backend.containment === "group"
  const baselineOom = await oomKills()
  const child = await Launch.launch({
    program: launch.program,
    args: launch.args,
    env: group ? { PATH: systemPath, LC_ALL: "C", [marker]: id } : launch.env,
    cwd: group ? request.cwd : "/",
    descriptors: launch.feed === undefined ? 5 : 6
  }).catch(async (cause: unknown) => {
    await launch.cleanUp()
    throw cause
  })
  const [stdin, stdout, stderr, control, script, feed] = child.stdio as readonly [
    Duplex,
    Duplex,
    Duplex,
    Duplex,
    Duplex,
    Duplex | undefined
  ]
  const output = merge(stdout, stderr)
  let [said, ending] = ["", null as { readonly reason: Ending; readonly detail?: string } | null]
  for (const pipe of [stdin, control, script]) pipe.on("error", () => undefined)
  control.on("data", (chunk: Buffer) => {
    if (said.length < maxControlBytes) said += chunk.toString("utf8")
  })

  const ended = async ({ code, signal }: Launch.Exit): Promise<ExitStatus> => {
    if (group) for (const pid of await marked(id)) send(pid, "SIGKILL")
    if (ending !== null) return { code: null, signal: signal ?? "SIGTERM", ...ending }
    const memory = await oom()
    if (group && memory !== null && code !== 0)
      return { code: signal === null ? code : null, signal, reason: "oom", detail: memory }
    if (group && signal !== null) return { code: null, signal, reason: "signal" }
    if (group && code !== null) return { code, signal: null, reason: "exited" }
    // The supervisor's last words may still be in the pipe.
    if (!control.readableEnded && !control.destroyed)
      await new Promise<void>((done) => control.once("end", done).once("close", done))
    const last = /^exit (\d+)$/m.exec(said)
    if (last === null)
      return memory === null
        ? { code: null, signal, reason: "connection_lost" }
        : { code: null, signal: signal ?? "SIGKILL", reason: "oom", detail: memory }
    const meaning = interpret(Number(last[1]), said)
    if (memory !== null && meaning.code !== 0) return { ...meaning, reason: "oom", detail: memory }
    return meaning.signal === "SIGKILL" && (await oomKills()) !== baselineOom ? { ...meaning, reason: "oom" } : meaning
  }
  const exit = child.exit.then(ended)

  const terminate = async (reason: Ending, detail?: string): Promise<void> => {
    if (child.ended()) return
    ending ??= { reason, ...(detail === undefined ? {} : { detail }) }
    const { pid } = child
    if (group) {
      send(-pid, "SIGTERM")
      for (const other of await marked(id)) send(other, "SIGTERM")
    } else control.write("TERM\n")
    const timer = setTimeout(() => {
      if (group) send(-pid, "SIGKILL")
      else send(pid, "SIGKILL")
    }, graceMillis)
    await exit
    clearTimeout(timer)
  }

  feed?.on("error", () => undefined).end(launch.feed)
  script.write(
    commandScript({
      argv: request.argv,
      cwd: request.cwd,
      env: group ? { ...request.env, [marker]: id } : request.env,
      limit: backend.limit(request.limits),
      loader: loaderWords(backend, request)
    })
  )
  script.end()
  if (request.stdin === null) stdin.end()
  else stdin.end(request.stdin)
  try {
    await started(child, script, () => said, output, request)
  } catch (cause) {
    if (!child.ended()) send(group ? -child.pid : child.pid, "SIGKILL")
    stdout.destroy()
    stderr.destroy()
    throw cause
  } finally {
    await launch.cleanUp()
  }
  if (request.timeoutMillis !== null) {
    const timer = setTimeout(() => void terminate("timeout"), Math.min(request.timeoutMillis, 2 ** 31 - 1))
    void exit.then(() => clearTimeout(timer))
  }
  return { output, exit, terminate, pid: child.pid }
}

/** For backends whose launcher is the shell itself. */
export const bareShell = ["/bin/sh", "-c", bootstrap] as const
