/** Which walls around commands stand on this machine: each is tried from inside of a sandbox, and what is missing comes with the way to get it. */
import { Effect, Stream } from "effect"
import { join } from "node:path"
import type { LocalFailure } from "../LocalFailure.ts"
import type { Sandbox } from "./Sandbox.ts"

export interface Wall {
  readonly name: string
  readonly stands: boolean
  readonly detail: string
}

/** Prints a word for each thing that worked and should not have. */
const tries = `
n=0; for f in /proc/self/fd/*; do n=$((n+1)); done; echo "descriptors $n"
unshare --user true 2>/dev/null && echo userns
perl -e 'exit(syscall(425, 1, my $p = chr(0) x 120) == -1 ? 1 : 0)' 2>/dev/null && echo io_uring
while read -r key value; do [ "$key" = Seccomp: ] && echo "filter $value"; done </proc/self/status
for f in /proc/sys/kernel/core_pattern /usr/written /etc/written; do (echo x >"$f") 2>/dev/null && echo "wrote $f"; done
true`

const perl = "install perl (or python3), which loads the filter of system calls and closes what is inherited"
const groups =
  "let the server make control groups: run it as root with /sys/fs/cgroup writable, or under systemd with Delegate=yes"

/** Pure: from what the tries printed and what the sandbox says of itself. */
export const judge = (
  printed: string,
  sandbox: Pick<Sandbox["Service"], "isolation" | "walls" | "networks">
): ReadonlyArray<Wall> => {
  const lines = new Set(printed.split("\n"))
  const wall = (name: string, stands: boolean, good: string, fix: string): Wall => ({
    name,
    stands,
    detail: stands ? good : fix
  })
  const { cgroups, filter, lastStep } = sandbox.walls
  const descriptors = Number(/^descriptors (\d+)$/m.exec(printed)?.[1])
  const bounds = (controller: string) => cgroups?.controls.includes(controller) === true
  return [
    wall(
      "files",
      sandbox.isolation !== "none (unsafe)" && ![...lines].some((line) => line.startsWith("wrote ")),
      `only its own, by ${sandbox.isolation}`,
      "commands can write files of this machine: install bubblewrap, or allow user namespaces"
    ),
    // 0, 1, 2 and the folder that is read.
    wall(
      "descriptors",
      descriptors <= 4,
      `none above 2, closed by ${lastStep ?? "the launcher"}`,
      `${descriptors} are open in a command; ${perl}`
    ),
    wall("inheritance", lastStep !== null, `signals, limits, priority and keyring are set by ${lastStep}`, perl),
    wall("system calls", lines.has("filter 2"), `filtered, by ${filter}`, perl),
    wall("user namespaces", !lines.has("userns"), "a command can make none", `a command can make its own; ${perl}`),
    wall(
      "io_uring",
      !lines.has("io_uring"),
      "not there for commands",
      `open to commands; ${perl}, or set kernel.io_uring_disabled=2`
    ),
    wall(
      "memory",
      bounds("memory"),
      `of all processes together, control groups version ${cgroups?.version}`,
      `added up by a watch four times a second, and per process by the kernel; ${groups}`
    ),
    wall(
      "processes",
      bounds("pids"),
      `of all commands of a project, control groups version ${cgroups?.version}`,
      `per command only; ${groups}`
    ),
    wall("processor", bounds("cpu"), "projects share it evenly", `not shared by project; ${groups}`),
    wall("disk", true, "quota by counting while commands run, and a reserve for the platform", ""),
    wall(
      "network",
      sandbox.isolation !== "none (unsafe)",
      `${sandbox.networks.join(", ")}`,
      "commands have this machine's network"
    )
  ]
}

export const look = (sandbox: Sandbox["Service"], folder: string): Effect.Effect<ReadonlyArray<Wall>, LocalFailure> =>
  Effect.gen(function* () {
    const folders = { files: join(folder, "walls", "files"), home: join(folder, "walls", "home"), filesReadOnly: false }
    yield* sandbox.ownFolder(folders.files)
    yield* sandbox.ownFolder(folders.home)
    const process = yield* sandbox.start({
      folders,
      argv: ["sh", "-c", tries],
      cwd: sandbox.inside(folders).workDir,
      env: {},
      network: "none",
      timeoutMillis: 20_000
    })
    const chunks = yield* Stream.runCollect(process.output)
    return judge(Buffer.concat(chunks.map((chunk) => chunk.data)).toString("utf8"), sandbox)
  }).pipe(Effect.scoped)
