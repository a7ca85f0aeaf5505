/**
 * What the kernel's own limits per process (RLIMIT_*) are set to for a command: none is inherited, so that a command finds the same whatever
 * started the server. Nothing is set higher than the server may: a limit of its own is a wall that somebody built.
 */
import { readFileSync } from "node:fs"
import type { Rlimit } from "./SandboxLoader.ts"
import type { Limits } from "./SandboxTypes.ts"

const table = [
  ["cpu", 0, "Max cpu time"],
  ["fsize", 1, "Max file size"],
  ["data", 2, "Max data size"],
  ["stack", 3, "Max stack size"],
  ["core", 4, "Max core file size"],
  ["nproc", 6, "Max processes"],
  ["nofile", 7, "Max open files"],
  ["memlock", 8, "Max locked memory"],
  ["sigpending", 11, "Max pending signals"],
  ["msgqueue", 12, "Max msgqueue size"],
  ["nice", 13, "Max nice priority"],
  ["rtprio", 14, "Max realtime priority"]
] as const
type Name = (typeof table)[number][0]

/** Pure: the hard limits in the text of `/proc/<pid>/limits`; what is unlimited is not in it. */
export const hardLimits = (text: string): ReadonlyMap<string, number> => {
  const found = new Map<string, number>()
  for (const [name, , title] of table) {
    const line = text.split("\n").find((one) => one.startsWith(`${title} `))
    const hard = line === undefined ? undefined : /^\s+(\S+)\s+(\S+)/.exec(line.slice(title.length))?.[2]
    if (hard !== undefined && hard !== "unlimited") found.set(name, Number(hard))
  }
  return found
}

const mebibyte = 1024 * 1024
/** Node 24 has reserved 600 MiB of data before it runs a line, of which it uses 40: with less no smaller budget would let it start. What is used is bounded by the control group or the watch. */
const leastData = 1024 * mebibyte
/** Node and Go raise their soft limit of open files to the hard one by themselves; programs that loop over all numbers want it low. */
const fixed: Readonly<Partial<Record<Name, readonly [soft: number, hard: number]>>> = {
  core: [0, 0],
  nofile: [4_096, 65_536],
  memlock: [65_536, 65_536],
  sigpending: [4_096, 4_096],
  msgqueue: [819_200, 819_200],
  nice: [0, 0],
  rtprio: [0, 0],
  stack: [8 * mebibyte, 1024 * mebibyte]
}

export const rlimits = (limits: Limits, hard: ReadonlyMap<string, number>): ReadonlyArray<Rlimit> =>
  table.flatMap(([name, number]): ReadonlyArray<Rlimit> => {
    const own: readonly [number, number] | undefined =
      name === "fsize"
        ? [limits.fileBytes, limits.fileBytes]
        : // RLIMIT_DATA and not RLIMIT_AS: JavaScript engines reserve far more address space than they use.
          name === "data"
          ? [Math.max(leastData, limits.memoryBytes), Math.max(leastData, limits.memoryBytes)]
          : name === "nproc"
            ? [limits.processes, limits.processes]
            : fixed[name]
    if (own === undefined) return []
    const most = Math.min(own[1], hard.get(name) ?? Number.MAX_SAFE_INTEGER)
    return [{ name, number, soft: Math.min(own[0], most), hard: most }]
  })

/** Of this process, which are those of its children. Empty where the system does not tell. */
export const ownHardLimits = (): ReadonlyMap<string, number> => {
  try {
    return hardLimits(readFileSync("/proc/self/limits", "utf8"))
  } catch {
    return new Map()
  }
}

/** Shell line that sets them on the shell `$$`. */
export const prlimit = (all: ReadonlyArray<Rlimit>): string =>
  `prlimit --pid $$ ${all.map(({ hard, name, soft }) => `--${name}=${soft}:${hard}`).join(" ")}`
