/** Finds the isolation that this machine offers, by really starting a command in each that fits, and checks what a command is asked to be. */
import { randomBytes } from "node:crypto"
import { chownSync, mkdirSync, readdirSync, realpathSync, rmSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import type { Quota } from "./Disk.ts"
import { machineTrouble, printedTrouble } from "../classifyError.ts"
import { findProgram } from "@rdev/git/Git"
import { fail, fromUnknown, invalid } from "../LocalFailure.ts"
import * as SandboxBubblewrap from "./SandboxBubblewrap.ts"
import * as SandboxHost from "./SandboxHost.ts"
import type { Language, Loader } from "./SandboxLoader.ts"
import * as SandboxNamespaces from "./SandboxNamespaces.ts"
import * as SandboxProcess from "./SandboxProcess.ts"
import * as SandboxRoot from "./SandboxRoot.ts"
import { isVariableName, systemPath } from "./SandboxScript.ts"
import type { Backend, Folders, LastStep, Limits, ReadOnlyMount, SandboxRequest } from "./SandboxTypes.ts"
import type { Budget } from "./SandboxWatch.ts"
import { architectureOf, filter as filterOf } from "./Seccomp.ts"

export type Isolation = "namespaces" | "bubblewrap" | "sandbox-exec"
export interface Options {
  readonly dataDir: string
  /** Programs that commands find on PATH, by name; the file is mounted read-only. Node itself is always there. */
  readonly tools?: ReadonlyArray<{ readonly hostPath: string; readonly name: string }>
  /** Further files or folders of the host that commands may read. */
  readonly readOnlyMounts?: ReadonlyArray<ReadOnlyMount>
  /** Run without isolation when there is none. Commands can then read and change what the server's user can. */
  readonly unsafeHost?: boolean
  /** Only these are tried, in this order; default: all that fit the machine. */
  readonly isolations?: ReadonlyArray<Isolation>
  /** User that commands run as when the server is root: one that owns nothing. Default 65533:65533. */
  readonly user?: { readonly uid: number; readonly gid: number }
  /** Name on PATH or absolute path; default `bwrap`. */
  readonly bubblewrapProgram?: string
  /** Programs that may be the last step before a command (see SandboxLoader), in the order in which they are tried; default: perl, python3. */
  readonly loaders?: ReadonlyArray<Language>
  /** false: no control groups are made, the watch alone bounds memory. */
  readonly controlGroups?: boolean
  /** What one account (a project) may use; what is left out has the default. */
  readonly budget?: Partial<Budget>
}

export const defaultLimits: Limits = { memoryBytes: 4 * 1024 ** 3, processes: 1024, fileBytes: 4 * 1024 ** 3 }

export type Run = Omit<SandboxRequest, "stdin" | "timeoutMillis" | "limits" | "join"> & {
  /** Whose budget it uses, e.g. a project's id; default: one for all that name none. */
  readonly account?: string
  /** What its files may take. */
  readonly quotas?: ReadonlyArray<Quota>
  /** It may start while only the reserve is left: what runs for people's visitors comes back after a restart. */
  readonly atReserve?: boolean
  readonly stdin?: Uint8Array | string | null
  readonly timeoutMillis?: number | null
  readonly limits?: Partial<Limits>
}

const baseEnv = (inside: { readonly home: string; readonly path: string }) => ({
  PATH: inside.path,
  HOME: inside.home,
  LANG: "C.UTF-8",
  TERM: "dumb"
})

export const checked = (backend: Backend, run: Run): SandboxRequest => {
  if (run.argv.length === 0 || run.argv[0] === "") throw invalid("argv", "expected a program and its arguments")
  if (run.argv.some((arg) => arg.includes("\0")) || run.cwd.includes("\0"))
    throw invalid("argv", "an argument contains a NUL character")
  for (const [name, value] of Object.entries(run.env)) {
    if (!isVariableName(name)) throw invalid("env", `${JSON.stringify(name)} cannot be set as an environment variable`)
    if (value.includes("\0")) throw invalid(`env.${name}`, "the value contains a NUL character")
  }
  if (!backend.networks.includes(run.network)) {
    throw fail({
      _tag: "Unsupported",
      message: `network "${run.network}" needs a program that brings up a loopback interface: install iproute2 (ip), or use "none" or "internet"`
    })
  }
  return {
    ...run,
    env: { ...baseEnv(backend.inside(run.folders)), ...run.env },
    stdin: run.stdin ?? null,
    timeoutMillis: run.timeoutMillis ?? null,
    limits: { ...defaultLimits, ...run.limits },
    join: []
  }
}

/** First program that can bring up a loopback interface; perl is part of every Debian, iproute2 is not. */
const loopbackCommand = (): string | null => {
  const flags = 'pack("a16 s x14","lo",0x49)'
  const ways: ReadonlyArray<readonly [string, string]> = [
    ["ip", "ip link set lo up"],
    ["ifconfig", "ifconfig lo up"],
    ["busybox", "busybox ip link set lo up"],
    ["perl", `perl -e 'my $f = ${flags}; socket(S,2,2,0) && ioctl(S,0x8914,$f) or die "$!\\n"'`],
    [
      "python3",
      'python3 -c \'import fcntl,socket,struct; fcntl.ioctl(socket.socket(socket.AF_INET,socket.SOCK_DGRAM),0x8914,struct.pack("16sh14x",b"lo",0x49))\''
    ]
  ]
  for (const [program, command] of ways) if (findProgram(program, systemPath) !== null) return command
  return null
}

/** Starts a command for real in a throw-away workspace; its failure is why this isolation is not available. */
const probe = async (backend: Backend, folder: string): Promise<void> => {
  const base = join(folder, `probe-${randomBytes(4).toString("hex")}`)
  const folders: Folders = { files: join(base, "files"), home: join(base, "home"), filesReadOnly: false }
  for (const path of [folders.files, folders.home]) {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    if (backend.owner !== null) chownSync(path, backend.owner.uid, backend.owner.gid)
  }
  const { workDir } = backend.inside(folders)
  const network = backend.networks.includes("loopback") ? "loopback" : "none"
  const running = await SandboxProcess.start(
    backend,
    checked(backend, {
      folders,
      argv: ["sh", "-c", 'echo probe > written && test "$(cat written)" = probe && rm written && node -e 0'],
      cwd: workDir,
      env: {},
      network
    }),
    "probe"
  )
  let printed = ""
  for await (const { data } of running.output) printed = `${printed}${Buffer.from(data).toString("utf8")}`.slice(0, 500)
  const exit = await running.exit
  if (exit.code !== 0)
    throw fail(
      printedTrouble(printed) ?? {
        _tag: "Unsupported",
        message: `a test command ended with ${exit.code ?? exit.signal ?? exit.reason}: ${printed.trim()}`
      }
    )
}

interface Candidate {
  readonly name: string
  readonly make: (last: LastStep) => Backend
}

/** First those that refuse system calls, then those that only close what is inherited, then nothing but the shell. */
const lastSteps = (languages: ReadonlyArray<Language> = ["perl", "python3"]): ReadonlyArray<LastStep> => {
  const architecture = process.platform === "linux" ? architectureOf(process.arch) : null
  if (architecture === null) return [{ loader: null, filter: null }]
  const loaders = languages.flatMap((language): ReadonlyArray<Loader> => {
    const program = findProgram(language, systemPath)
    return program === null ? [] : [{ language, program }]
  })
  return [filterOf(architecture), null].flatMap((filter) =>
    [...loaders, null].map((loader): LastStep => ({ loader, filter }))
  )
}
/** Without a loader only bubblewrap can load a filter. */
const fits = ({ filter, loader }: LastStep, name: string): boolean =>
  loader !== null || filter === null || name.startsWith("bubblewrap")

/** Looked for where the set-up will look: a user's own PATH often leaves /usr/sbin out, which holds some of them. */
const requirePrograms = (programs: ReadonlyArray<string>): void => {
  for (const program of programs) {
    if (findProgram(program, systemPath) === null)
      throw fail({ _tag: "Unsupported", message: `${program} is missing; install util-linux` })
  }
}

const candidates = (
  options: Options,
  mounts: ReadonlyArray<ReadOnlyMount>,
  folder: string
): ReadonlyArray<Candidate> => {
  const isRoot = process.getuid?.() === 0
  const namespaces = (owner: Backend["owner"], innerUser: boolean) => (last: LastStep) => {
    requirePrograms(["unshare", "mount", "umount", "pivot_root", "setpriv", "prlimit"])
    const root = SandboxRoot.build(folder, owner, mounts)
    return SandboxNamespaces.make({ folder, root, owner, loopback: loopbackCommand(), innerUser, last })
  }
  const user = options.user ?? { uid: 65533, gid: 65533 }
  const bubblewrap = (forbidNesting: boolean) => (last: LastStep) => {
    const program = findProgram(options.bubblewrapProgram ?? "bwrap")
    if (program === null) throw fail({ _tag: "Unsupported", message: "bwrap is not installed" })
    requirePrograms(["prlimit"])
    return SandboxBubblewrap.make({ program, root: SandboxRoot.build(folder, null, mounts), forbidNesting, last })
  }
  const all: Readonly<Record<Isolation, ReadonlyArray<Candidate>>> = {
    namespaces: [
      ...(isRoot
        ? [
            { name: "namespaces as root", make: namespaces(user, true) },
            { name: "namespaces as root without an inner user namespace", make: namespaces(user, false) }
          ]
        : []),
      { name: "namespaces by user namespace", make: namespaces(null, true) }
    ],
    bubblewrap: [
      { name: "bubblewrap", make: bubblewrap(true) },
      { name: "bubblewrap without --disable-userns", make: bubblewrap(false) }
    ],
    "sandbox-exec": [
      {
        name: "sandbox-exec",
        make: () => SandboxHost.seatbelt(join(folder, "bin"), [process.execPath, ...mounts.map((m) => m.hostPath)])
      }
    ]
  }
  // As root, dropping to a user that owns nothing is stronger than bubblewrap, which would keep root's user id.
  const fitting: ReadonlyArray<Isolation> =
    process.platform === "linux"
      ? isRoot
        ? ["namespaces", "bubblewrap"]
        : ["bubblewrap", "namespaces"]
      : process.platform === "darwin"
        ? ["sandbox-exec"]
        : []
  return (options.isolations ?? fitting).flatMap((name) => all[name])
}

const advice =
  process.platform === "linux"
    ? "Install bubblewrap (apt-get install bubblewrap), or allow user namespaces (sysctl kernel.apparmor_restrict_unprivileged_userns=0 on Ubuntu), or in a container give it CAP_SYS_ADMIN with an unconfined seccomp profile"
    : "This platform has no supported sandbox"

/** The folder of this instance, removed with it; those of dead processes are removed on the way. */
export const instanceFolder = (dataDir: string): string => {
  const parent = join(dataDir, "sandbox")
  mkdirSync(parent, { recursive: true, mode: 0o700 })
  for (const name of readdirSync(parent)) {
    const pid = /^(\d+)-[0-9a-f]{12}$/.exec(name)?.[1]
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(parent, name), { recursive: true, force: true })
  }
  const folder = join(parent, `${process.pid}-${randomBytes(6).toString("hex")}`)
  mkdirSync(join(folder, "bin"), { recursive: true, mode: 0o755 })
  return realpathSync(folder)
}
const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch (cause) {
    return cause instanceof Error && "code" in cause && cause.code === "EPERM"
  }
}

/** Every isolation would meet it, and installing another is no help. */
const troubleOf = (cause: unknown) => {
  const { cause: first, reason } = fromUnknown(cause)
  if (reason._tag === "ResourceExhausted") return reason
  return reason._tag === "Unsupported" && reason.message.endsWith("the data folder must be writable")
    ? reason
    : machineTrouble(first)
}

export const find = async (
  options: Options,
  folder: string
): Promise<{ readonly backend: Backend; readonly rejected: ReadonlyArray<string> }> => {
  const toolFolder = join(folder, "bin")
  const tools = [{ hostPath: process.execPath, name: "node" }, ...(options.tools ?? [])]
  for (const { hostPath, name } of tools) {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name))
      throw invalid("tools.name", `${JSON.stringify(name)} is not a program name`)
    symlinkSync(realpathSync(hostPath), join(toolFolder, name))
  }
  const mounts = [
    ...tools.map(({ hostPath, name }) => ({ hostPath, path: join(SandboxRoot.toolFolder, name) })),
    ...(options.readOnlyMounts ?? [])
  ]
  const rejected: Array<string> = []
  for (const candidate of candidates(options, mounts, folder)) {
    for (const last of lastSteps(options.loaders).filter((step) => fits(step, candidate.name))) {
      try {
        const backend = candidate.make(last)
        await probe(backend, folder)
        return { backend, rejected }
      } catch (cause) {
        const trouble = troubleOf(cause)
        if (trouble !== null) throw fail({ ...trouble, message: `no command can be run: ${trouble.message}` })
        const said = `${candidate.name}${last.loader === null ? "" : ` with ${last.loader.language}`}: ${fromUnknown(cause).reason.message}`
        if (!rejected.includes(said)) rejected.push(said)
      }
    }
  }
  // No filter: whoever goes without isolation may want set-uid programs.
  const last = lastSteps(options.loaders).find(({ filter }) => filter === null) ?? { loader: null, filter: null }
  if (options.unsafeHost === true) return { backend: SandboxHost.unsafe(toolFolder, last), rejected }
  throw fail({
    _tag: "Unsupported",
    message: `no sandbox works on this machine (${rejected.join("; ") || "none is known for this platform"}). ${advice}; or accept running without isolation by --unsafe-host`
  })
}
