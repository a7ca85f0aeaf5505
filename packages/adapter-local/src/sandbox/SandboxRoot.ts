/**
 * The file system that a command sees on Linux: an empty root with the host's `/usr` read-only, the few files of `/etc` that
 * programs need, the harmless devices, its own `/proc` and `/tmp`, its workspace and its home. Nothing else of the host's.
 */
import { randomBytes } from "node:crypto"
import {
  chmodSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  realpathSync,
  statSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { readFile, realpath } from "node:fs/promises"
import { dirname, join } from "node:path"
import { realRoot } from "../confined/ConfinedFolder.ts"
import type { Folders, Network, ReadOnlyMount } from "./SandboxTypes.ts"

export const workDir = "/workspace"
export const home = "/home/agent"
export const toolFolder = "/opt/rdev/bin"
/** PATH of commands: the running Node and the given tools come first. */
export const path = `${toolFolder}:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin`
/** User id as seen inside. */
export const agentUid = 1000
const tmpBytes = 1024 * 1024 * 1024
const shmBytes = 256 * 1024 * 1024

export type Mount =
  | { readonly kind: "bind"; readonly source: string; readonly path: string; readonly access: "ro" | "rw" | "device" }
  | { readonly kind: "tmpfs"; readonly path: string; readonly sizeBytes: number; readonly files?: number }
  | { readonly kind: "proc"; readonly path: string }

export interface SandboxRoot {
  /** The folder that becomes `/`. */
  readonly directory: string
  readonly mounts: ReadonlyArray<Mount>
}

const devices = ["null", "zero", "full", "random", "urandom"]
const etcCopies = [
  "ld.so.cache",
  "ld.so.conf",
  "protocols",
  "services",
  "mime.types",
  "localtime",
  "timezone",
  "os-release",
  "debian_version"
]
const etcFolders = ["alternatives", "ssl/certs", "pki", "ca-certificates", "ld.so.conf.d"]

const kindOf = (path: string): "file" | "folder" | "link" | "absent" => {
  try {
    const found = lstatSync(path)
    return found.isSymbolicLink() ? "link" : found.isDirectory() ? "folder" : "file"
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return "absent"
    throw cause
  }
}
/** World-readable whatever the server's umask is: the inside runs as another user. */
const folder = (path: string): void => {
  const parent = dirname(path)
  if (kindOf(parent) === "absent") folder(parent)
  mkdirSync(path, { recursive: true })
  chmodSync(path, 0o755)
}
const file = (path: string, content: string): void => {
  folder(dirname(path))
  writeFileSync(path, content)
  chmodSync(path, 0o644)
}

const identities = (owner: { readonly uid: number; readonly gid: number } | null) => {
  const uids = [...new Set([agentUid, owner?.uid ?? agentUid])]
  return {
    passwd: [
      "root:x:0:0:root:/root:/bin/sh",
      ...uids.map((uid, i) => `${i === 0 ? "agent" : "workspace"}:x:${uid}:${uid}::${home}:/bin/sh`),
      "nobody:x:65534:65534:nobody:/nonexistent:/bin/false",
      ""
    ].join("\n"),
    group: [
      "root:x:0:",
      ...uids.map((gid, i) => `${i === 0 ? "agent" : "workspace"}:x:${gid}:`),
      "nogroup:x:65534:",
      ""
    ].join("\n")
  }
}

const fillEtc = (root: string, owner: { readonly uid: number; readonly gid: number } | null): ReadonlyArray<Mount> => {
  const { passwd, group } = identities(owner)
  file(join(root, "etc/passwd"), passwd)
  file(join(root, "etc/group"), group)
  file(join(root, "etc/hosts"), "127.0.0.1 localhost workspace\n::1 localhost\n")
  file(join(root, "etc/hostname"), "workspace\n")
  file(join(root, "etc/nsswitch.conf"), "passwd: files\ngroup: files\nhosts: files dns\n")
  file(join(root, "etc/resolv.conf"), "")
  for (const name of etcCopies) {
    if (kindOf(join("/etc", name)) === "absent") continue
    copyFileSync(realpathSync(join("/etc", name)), join(root, "etc", name))
    chmodSync(join(root, "etc", name), 0o644)
  }
  const mounts: Array<Mount> = []
  for (const name of etcFolders) {
    if (kindOf(join("/etc", name)) === "absent") continue
    folder(join(root, "etc", name))
    mounts.push({ kind: "bind", source: realpathSync(join("/etc", name)), path: `/etc/${name}`, access: "ro" })
  }
  return mounts
}

const fillSystem = (root: string) => {
  const mounts: Array<Mount> = []
  for (const name of ["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"]) {
    const kind = kindOf(`/${name}`)
    if (kind === "link") {
      symlinkSync(readlinkSync(`/${name}`), join(root, name))
    } else if (kind === "folder") {
      folder(join(root, name))
      mounts.push({ kind: "bind", source: `/${name}`, path: `/${name}`, access: "ro" })
    }
  }
  for (const name of ["proc", "tmp", "dev/shm", "workspace", "home/agent", "run", "var/tmp"]) folder(join(root, name))
  for (const name of devices) {
    file(join(root, "dev", name), "")
    mounts.push({ kind: "bind", source: `/dev/${name}`, path: `/dev/${name}`, access: "device" })
  }
  for (const [name, target] of [
    ["fd", "/proc/self/fd"],
    ["stdin", "/proc/self/fd/0"],
    ["stdout", "/proc/self/fd/1"],
    ["stderr", "/proc/self/fd/2"]
  ] as const) {
    symlinkSync(target, join(root, "dev", name))
  }
  return mounts
}

/**
 * Builds the root folder under `folderOfInstance`. Without yielding: two hundred steps of some microseconds each, once per process,
 * and every turn of a busy event loop between them would delay a start.
 */
export const build = (
  folderOfInstance: string,
  owner: { readonly uid: number; readonly gid: number } | null,
  readOnly: ReadonlyArray<ReadOnlyMount>
): SandboxRoot => {
  const directory = join(folderOfInstance, `root-${randomBytes(6).toString("hex")}`)
  folder(directory)
  const mounts = fillSystem(directory)
  const etc = fillEtc(directory, owner)
  const tools: Array<Mount> = []
  for (const { hostPath, path: inside } of readOnly) {
    const source = realpathSync(hostPath)
    if (statSync(source).isDirectory()) folder(join(directory, inside))
    else file(join(directory, inside), "")
    tools.push({ kind: "bind", source, path: inside, access: "ro" })
  }
  return { directory: realpathSync(directory), mounts: [...mounts, ...etc, ...tools] }
}

/** All mounts of one command, in order. What it keeps in /tmp and /dev/shm is memory, and no more than half of its own. */
export const mountsFor = async (
  root: SandboxRoot,
  folders: Folders,
  network: Network,
  memoryBytes: number
): Promise<ReadonlyArray<Mount>> => [
  ...root.mounts,
  { kind: "proc", path: "/proc" },
  { kind: "tmpfs", path: "/tmp", sizeBytes: Math.min(tmpBytes, Math.floor(memoryBytes / 2)), files: 200_000 },
  { kind: "tmpfs", path: "/dev/shm", sizeBytes: Math.min(shmBytes, Math.floor(memoryBytes / 2)), files: 10_000 },
  { kind: "bind", source: realRoot(folders.files), path: workDir, access: folders.filesReadOnly ? "ro" : "rw" },
  { kind: "bind", source: realRoot(folders.home), path: home, access: "rw" },
  ...(network === "internet"
    ? [{ kind: "bind", source: await realpath("/etc/resolv.conf"), path: "/etc/resolv.conf", access: "ro" } as const]
    : [])
]

/** Flags of the host's mount that holds a path: a user namespace may add to them, never drop one. */
export type FlagsOf = (path: string) => ReadonlyArray<string>
export const parseMountInfo = (mountInfo: string): FlagsOf => {
  const rows = mountInfo.split("\n").flatMap((line) => {
    const [, , , , point, options] = line.split(" ")
    if (point === undefined || options === undefined) return []
    return [
      {
        point: point.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
        options: options.split(",")
      }
    ]
  })
  return (path) => {
    let best: { readonly point: string; readonly options: ReadonlyArray<string> } | null = null
    for (const row of rows) {
      const holds = row.point === "/" || path === row.point || path.startsWith(`${row.point}/`)
      // Of two mounts on one point the later one is seen.
      if (holds && (best === null || row.point.length >= best.point.length)) best = row
    }
    return best === null ? [] : best.options.filter((option) => ["nosuid", "nodev", "noexec", "ro"].includes(option))
  }
}
export const currentFlags = async (): Promise<FlagsOf> => parseMountInfo(await readFile("/proc/self/mountinfo", "utf8"))

const escape = (text: string) => text.replace(/[\\ \t\n]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, "0")}`)

/** The mounts as an fstab under `directory`: one `mount -a` does them all, which is much faster than a process for each. */
export const fstab = (
  root: SandboxRoot,
  mounts: ReadonlyArray<Mount>,
  flagsOf: FlagsOf,
  hideProcesses: boolean
): string => {
  const under = (inside: string) => escape(join(root.directory, inside))
  const row = (source: string, point: string, type: string, options: ReadonlyArray<string>) =>
    `${source} ${point} ${type} ${[...new Set(options)].join(",")} 0 0`
  const bind = (source: string, point: string, options: ReadonlyArray<string>) => {
    const host = flagsOf(source)
    const wanted = host.includes("ro") ? options.filter((option) => option !== "rw") : options
    return row(escape(source), point, "none", ["bind", ...wanted, ...host])
  }
  const lines = [bind(root.directory, escape(root.directory), ["ro", "nosuid", "nodev"])]
  for (const mount of mounts) {
    if (mount.kind === "tmpfs")
      lines.push(
        row("tmpfs", under(mount.path), "tmpfs", [
          "nosuid",
          "nodev",
          `size=${mount.sizeBytes}`,
          ...(mount.files === undefined ? [] : [`nr_inodes=${mount.files}`]),
          "mode=1777"
        ])
      )
    else if (mount.kind === "proc") {
      lines.push(
        row("proc", under(mount.path), "proc", ["nosuid", "nodev", "noexec", ...(hideProcesses ? ["hidepid=2"] : [])])
      )
      lines.push(row(under("/proc/sys"), under("/proc/sys"), "none", ["bind", "ro", "nosuid", "nodev", "noexec"]))
    } else if (mount.access === "device") lines.push(bind(mount.source, under(mount.path), ["nosuid", "noexec"]))
    else lines.push(bind(mount.source, under(mount.path), [mount.access, "nosuid", "nodev"]))
  }
  return `${lines.join("\n")}\n`
}
