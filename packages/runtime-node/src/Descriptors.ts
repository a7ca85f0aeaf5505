/**
 * Open files that this process was started with. Node marks what it opens itself as not for children, but not everything that
 * its own parent left open (a lock of a wrapper script, a file of systemd, a terminal): that would be open in every child, too.
 *
 * They stay open here, because a wrapper may hold a lock by them; what is started does not get them.
 */
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs"

const closeOnExec = 0o2000000

/** Pure: whether the text of `/proc/self/fdinfo/<n>` says that a child would inherit it. */
export const isInherited = (fdinfo: string): boolean => {
  const flags = /^flags:\s*([0-7]+)$/m.exec(fdinfo)?.[1]
  return flags !== undefined && (Number.parseInt(flags, 8) & closeOnExec) === 0
}

/** Those above 2 that a child would get. Elsewhere than on Linux the system closes them for a child. */
export const inherited = (): ReadonlyArray<number> => {
  if (process.platform !== "linux") return []
  return readdirSync("/proc/self/fd")
    .map(Number)
    .filter((descriptor) => {
      if (!(descriptor > 2)) return false
      try {
        return isInherited(readFileSync(`/proc/self/fdinfo/${descriptor}`, "utf8"))
      } catch {
        // Closed meanwhile, as the one by which the folder was read.
        return false
      }
    })
}

/** For a process that only starts others. */
export const closeInherited = (): void => {
  for (const descriptor of inherited()) closeSync(descriptor)
}

interface Cover {
  readonly numbers: ReadonlyArray<number>
  readonly nothing: number
}
let covered: Cover | null = null
const cover = (): Cover => {
  if (covered !== null) return covered
  const numbers = inherited()
  covered = { numbers, nothing: numbers.length === 0 ? -1 : openSync("/dev/null", "r+") }
  return covered
}

/**
 * `stdio` of a child with `pipes` pipes: at the number of each inherited file it gets `/dev/null`, because a process that Node starts
 * can only be given something else at a number, not nothing. They are looked for once: whatever is opened later is not for children.
 */
export const stdio = (pipes: number): Array<"pipe" | "ignore" | number> => {
  const { nothing, numbers } = cover()
  const highest = numbers.reduce((most, one) => Math.max(most, one + 1), pipes)
  const places: Array<"pipe" | "ignore" | number> = Array.from({ length: highest }, (_, descriptor) =>
    descriptor < pipes ? "pipe" : "ignore"
  )
  for (const descriptor of numbers) if (descriptor >= pipes) places[descriptor] = nothing
  return places
}
