/**
 * Control groups, version 1 or 2, where this process may make some below its own: `<own>/rdev-<pid>-<random>/<account>/<command>`.
 * An account (a project) and each of its commands have a bound of memory and processes for all of theirs together; accounts share
 * the processor evenly. What a group cannot bound, because a controller is not there or may not be written, is null in `controls`.
 */
import { randomBytes } from "node:crypto"
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs"
import { mkdir, readFile, rmdir, writeFile } from "node:fs/promises"
import { join } from "node:path"

export interface Bounds {
  readonly memoryBytes: number
  readonly processes: number
}
export interface Group {
  /** A process that writes `0` into each of these belongs to it, with all that it starts. */
  readonly join: ReadonlyArray<string>
  /** Processes that the kernel ended because the memory was used up. */
  oomKills(): Promise<number>
  /** Pids of all that is in it, as this process counts. */
  processes(): Promise<ReadonlyArray<number>>
  remove(): Promise<void>
}
export type Controller = "memory" | "pids" | "cpu"
export interface Cgroups {
  readonly version: 1 | 2
  readonly controls: ReadonlySet<Controller>
  command(account: string, id: string, command: Bounds, all: Bounds): Promise<Group>
  close(): void
}

/** Where a controller's tree is mounted and where this process is in it. */
export interface Place {
  readonly version: 1 | 2
  readonly controllers: ReadonlyArray<string>
  readonly folder: string
}

const unescape = (text: string) =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))

/** Pure: the places of a process, from its `mountinfo` and its `cgroup` file. */
export const places = (mountInfo: string, own: string): ReadonlyArray<Place> => {
  const paths = new Map(
    own.split("\n").flatMap((line): ReadonlyArray<readonly [string, string]> => {
      const found = /^\d+:([^:]*):(\/.*)$/.exec(line)
      return found === null ? [] : [[found[1] ?? "", found[2] ?? "/"]]
    })
  )
  return mountInfo.split("\n").flatMap((line): ReadonlyArray<Place> => {
    const [before = "", after = ""] = line.split(" - ")
    const [, , , root = "/", point = ""] = before.split(" ")
    const [type, , options = ""] = after.split(" ")
    if (type !== "cgroup" && type !== "cgroup2") return []
    const key =
      type === "cgroup2"
        ? ""
        : [...paths.keys()].find(
            (name) => name !== "" && name.split(",").every((one) => options.split(",").includes(one))
          )
    const path = key === undefined ? undefined : paths.get(key)
    // A mount below our own place shows nothing that we could use.
    if (path === undefined || (root !== "/" && path !== root && !path.startsWith(`${root}/`))) return []
    const below = root === "/" ? path : path.slice(root.length)
    return [
      {
        version: type === "cgroup2" ? 2 : 1,
        controllers: key === "" ? [] : (key ?? "").split(","),
        folder: below === "/" ? unescape(point) : join(unescape(point), below)
      }
    ]
  })
}

const wanted: ReadonlyArray<Controller> = ["memory", "pids", "cpu"]
const words = (path: string): ReadonlyArray<string> =>
  readFileSync(path, "utf8")
    .trim()
    .split(/\s+/)
    .filter((word) => word !== "")
const attempted = (work: () => void): boolean => {
  try {
    work()
    return true
  } catch {
    return false
  }
}
/** Counters of a file with a name and a number on each line. */
const counter = async (path: string, name: string): Promise<number> =>
  Number(new RegExp(`^${name} (\\d+)$`, "m").exec(await readFile(path, "utf8").catch(() => ""))?.[1] ?? 0)

const prefix = "rdev-"
const isDead = (pid: number): boolean => !existsSync(`/proc/${pid}`)
/** Groups of servers that are gone: empty by now, since their commands died with them. */
const removeStale = (folder: string): void => {
  for (const name of readdirSync(folder)) {
    const pid = /^rdev-(\d+)-[0-9a-f]{8}$/.exec(name)?.[1]
    if (pid !== undefined && isDead(Number(pid))) attempted(() => removeTree(join(folder, name)))
  }
}
const removeTree = (folder: string): void => {
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) removeTree(join(folder, entry.name))
  rmdirSync(folder)
}

/** What is written into a group, per controller: version 1 and version 2. */
const settings = (
  version: 1 | 2,
  { memoryBytes, processes }: Bounds
): Readonly<Record<Controller, ReadonlyArray<readonly [file: string, value: string, optional: boolean]>>> =>
  version === 1
    ? {
        memory: [
          ["memory.limit_in_bytes", String(memoryBytes), false],
          ["memory.memsw.limit_in_bytes", String(memoryBytes), true]
        ],
        pids: [["pids.max", String(processes), false]],
        cpu: [["cpu.shares", "1024", false]]
      }
    : {
        memory: [
          ["memory.max", String(memoryBytes), false],
          ["memory.swap.max", "0", true]
        ],
        pids: [["pids.max", String(processes), false]],
        cpu: [["cpu.weight", "100", false]]
      }

interface Tree {
  readonly controllers: ReadonlyArray<Controller>
  readonly base: string
}

const make = (version: 1 | 2, trees: ReadonlyArray<Tree>): Cgroups => {
  const used = new Map<string, number>()
  const set = async (folder: string, controllers: ReadonlyArray<Controller>, bounds: Bounds) => {
    const all = settings(version, bounds)
    for (const controller of controllers) {
      for (const [file, value, optional] of all[controller]) {
        await writeFile(join(folder, file), value).catch((cause: unknown) => {
          if (!optional) throw cause
        })
      }
    }
  }
  const removeFolder = async (folder: string): Promise<void> => {
    // A group is busy until its last process was reaped.
    for (let i = 0; i < 50; i++) {
      const left = await rmdir(folder).then(
        () => false,
        (cause: unknown) => cause instanceof Error && "code" in cause && cause.code === "EBUSY"
      )
      if (!left) return
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  return {
    version,
    controls: new Set(trees.flatMap(({ controllers }) => controllers)),
    command: async (account, id, command, all) => {
      used.set(account, (used.get(account) ?? 0) + 1)
      for (const { base, controllers } of trees) {
        await mkdir(join(base, account, id), { recursive: true })
        await set(join(base, account), controllers, all)
        if (version === 2)
          await writeFile(join(base, account, "cgroup.subtree_control"), controllers.map((one) => `+${one}`).join(" "))
        await set(join(base, account, id), controllers, command)
      }
      const folders = trees.map(({ base }) => join(base, account, id))
      const memory = trees.find(({ controllers }) => controllers.includes("memory"))
      return {
        join: folders.map((folder) => join(folder, "cgroup.procs")),
        oomKills: () =>
          memory === undefined
            ? Promise.resolve(0)
            : counter(
                join(memory.base, account, id, version === 1 ? "memory.oom_control" : "memory.events"),
                "oom_kill"
              ),
        processes: async () =>
          (await readFile(join(folders[0] ?? "", "cgroup.procs"), "utf8").catch(() => ""))
            .split("\n")
            .filter((line) => line !== "")
            .map(Number),
        remove: async () => {
          for (const folder of folders) await removeFolder(folder)
          const left = (used.get(account) ?? 1) - 1
          if (left > 0) return void used.set(account, left)
          used.delete(account)
          // Another command of the account may have begun meanwhile; then its folder is not empty, and stays.
          for (const { base } of trees) await rmdir(join(base, account)).catch(() => undefined)
        }
      }
    },
    close: () => {
      for (const { base } of trees) attempted(() => removeTree(base))
    }
  }
}

const name = () => `${prefix}${process.pid}-${randomBytes(4).toString("hex")}`

/** The place of this process in version 2 may hold either processes or groups that are controlled; the root may hold both. */
const findUnified = (place: Place, memoryBytes: number): Cgroups | null => {
  const { folder } = place
  const there = attempted(() => readFileSync(join(folder, "cgroup.controllers")))
    ? words(join(folder, "cgroup.controllers"))
    : []
  const controllers = wanted.filter((one) => there.includes(one))
  if (controllers.length === 0) return null
  const enable = () =>
    writeFileSync(join(folder, "cgroup.subtree_control"), controllers.map((one) => `+${one}`).join(" "))
  if (!attempted(enable)) {
    // Only where nobody else is in it: a service whose group was handed to it (systemd: Delegate=yes).
    const inside = words(join(folder, "cgroup.procs")).map(Number)
    if (inside.some((pid) => pid !== process.pid && parentOf(pid) !== process.pid)) return null
    const server = join(folder, "server")
    const moved = attempted(() => {
      mkdirSync(server, { recursive: true })
      for (const pid of inside) writeFileSync(join(server, "cgroup.procs"), String(pid))
      enable()
    })
    if (!moved) return null
  }
  const base = join(folder, name())
  return attempted(() => {
    removeStale(folder)
    mkdirSync(base)
    writeFileSync(join(base, "cgroup.subtree_control"), controllers.map((one) => `+${one}`).join(" "))
    if (controllers.includes("memory")) writeFileSync(join(base, "memory.max"), String(memoryBytes))
  })
    ? make(2, [{ controllers, base }])
    : null
}
const parentOf = (pid: number): number | null => {
  try {
    return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1])
  } catch {
    return null
  }
}

const findOld = (all: ReadonlyArray<Place>, memoryBytes: number): Cgroups | null => {
  const instance = name()
  const trees = all.flatMap(({ controllers, folder }): ReadonlyArray<Tree> => {
    const used = wanted.filter((one) => controllers.includes(one))
    if (used.length === 0) return []
    const base = join(folder, instance)
    const made = attempted(() => {
      removeStale(folder)
      mkdirSync(base)
      // All commands together weigh as much as some processes of the machine, not as one.
      if (used.includes("memory")) writeFileSync(join(base, "memory.limit_in_bytes"), String(memoryBytes))
      if (used.includes("cpu")) writeFileSync(join(base, "cpu.shares"), "8192")
    })
    return made ? [{ controllers: used, base }] : []
  })
  return trees.length === 0 ? null : make(1, trees)
}

/** null where none can be made. `allMemoryBytes`: of all commands together. Groups of servers that are gone are removed on the way. */
export const find = (allMemoryBytes: number): Cgroups | null => {
  if (process.platform !== "linux") return null
  let all: ReadonlyArray<Place>
  try {
    all = places(readFileSync("/proc/self/mountinfo", "utf8"), readFileSync("/proc/self/cgroup", "utf8"))
  } catch {
    return null
  }
  const unified = all.find(({ version }) => version === 2)
  return (
    (unified === undefined ? null : findUnified(unified, allMemoryBytes)) ??
    findOld(
      all.filter(({ version }) => version === 1),
      allMemoryBytes
    )
  )
}
