/**
 * Looks after running commands four times a second: what their folders hold against the quotas, the room that only the platform may use, and,
 * where no control group bounds it, the memory of all processes of a command. Who is over is ended, with the words that say why.
 *
 * A folder is counted only when it can be over: while the disk has lost less than what a quota has left, nobody can have written it full.
 * Because others may have freed as much meanwhile, it is also counted every ten seconds, or as seldom as counting takes a twentieth of the time.
 */
import * as Disk from "./Disk.ts"

const periodMillis = 250
const oldMillis = 10_000
/** Who has written less than this since it began is not why the disk is full. */
const noticeableBytes = 16 * 1024 * 1024

/** Written in less time than the watch takes to look twice. */
const smallBytes = 1024 ** 3

export interface Budget {
  /** Of all commands of one account together. */
  readonly memoryBytes: number
  readonly processes: number
  readonly diskBytes: number
  readonly files: number
  /** Room on the disk that only the platform may use; null = 5 %, at most 1 GiB. */
  readonly reserveBytes: number | null
}

export interface Watched {
  readonly account: string
  readonly quotas: ReadonlyArray<Disk.Quota>
  /** Bound of the memory of all its processes; null = a control group sees to it. */
  readonly memoryBytes: number | null
  readonly processes: () => Promise<ReadonlyArray<number>>
  readonly end: (reason: "oom" | "disk", detail: string) => void
}

interface Count extends Disk.Usage {
  readonly atMillis: number
  readonly tookMillis: number
  readonly freeBytes: number
  readonly freeFiles: number
}
interface Entry {
  readonly watched: Watched
  beganAt: number | null
}

const keyOf = (quota: Disk.Quota): string => quota.paths.join("\0")

/** Blocks that the ends of files and the folders themselves take are not held against a small quota. */
const roundingBytes = 64 * 1024

/** Pure: what is over, in words; null = it fits. */
export const over = (used: Disk.Usage, quota: Disk.Quota): string | null =>
  used.bytes > quota.bytes + roundingBytes
    ? `${quota.what} holds ${Disk.shown(used.bytes)}, more than its ${Disk.shown(quota.bytes)}`
    : used.files > quota.files
      ? `${quota.what} holds ${used.files} files and folders, more than its ${quota.files}`
      : null

/** Pure: whether a folder can be over by now. */
export const mayBeOver = (count: Count | undefined, quota: Disk.Quota, room: Disk.Room, nowMillis: number): boolean =>
  count === undefined ||
  count.bytes + (count.freeBytes - room.freeBytes) > quota.bytes ||
  count.files + (count.freeFiles - room.freeFiles) > quota.files ||
  nowMillis - count.atMillis > Math.max(oldMillis, 20 * count.tookMillis)

export class Watch {
  private readonly entries = new Set<Entry>()
  private readonly counts = new Map<string, Count>()
  private timer: NodeJS.Timeout | null = null
  private busy = false
  private readonly dataDir: string
  private readonly budget: Budget
  constructor(dataDir: string, budget: Budget) {
    this.dataDir = dataDir
    this.budget = budget
  }

  room(): Promise<Disk.Room> {
    return Disk.room(this.dataDir, this.budget.reserveBytes)
  }

  /** Why a command with these quotas may not be started; null = it may. */
  async refusal(quotas: ReadonlyArray<Disk.Quota>, uses: "anything" | "the reserve too"): Promise<string | null> {
    if (quotas.length === 0) return null
    const room = uses === "anything" ? await this.room() : null
    if (room !== null && !Disk.mayWrite(room)) return `the disk of this installation is ${Disk.describe(room)}`
    for (const quota of quotas) {
      const known = this.counts.get(keyOf(quota))
      // Counting takes its time, and every start would wait for it: so only where it was over, or where the watch would come late.
      if (quota.bytes >= smallBytes && (known === undefined || over(known, quota) === null)) continue
      const now = over(await this.count(quota, []), quota)
      if (now !== null) return `${now}; remove files (the program rm is let through) or raise the quota`
    }
    return null
  }

  private async count(quota: Disk.Quota, pids: ReadonlyArray<number>): Promise<Count> {
    const began = performance.now()
    const [before, { bytes, files }, deleted] = await Promise.all([
      this.room(),
      Disk.usage(quota.paths),
      Disk.deletedBytes(pids, this.dataDir)
    ])
    const counted = {
      bytes: bytes + deleted,
      files,
      atMillis: began,
      tookMillis: performance.now() - began,
      freeBytes: before.freeBytes,
      freeFiles: before.freeFiles
    }
    this.counts.set(keyOf(quota), counted)
    // Of folders that are gone nothing needs to be known; 1,000 is far more than run at once.
    if (this.counts.size > 1_000) for (const key of [...this.counts.keys()].slice(0, 500)) this.counts.delete(key)
    return counted
  }

  /** Until the answer is called. */
  add(watched: Watched): () => void {
    const known = watched.quotas.map((quota) => this.counts.get(keyOf(quota)))
    const entry: Entry = {
      watched,
      beganAt: known.some((one) => one === undefined)
        ? null
        : known.reduce((sum, one) => Math.max(sum, one?.bytes ?? 0), 0)
    }
    this.entries.add(entry)
    this.timer ??= setInterval(() => void this.look(), periodMillis).unref()
    return () => {
      this.entries.delete(entry)
      // What it left is counted before the next start asks, when it can be over.
      for (const quota of watched.quotas)
        void this.room()
          .then((room) =>
            mayBeOver(this.counts.get(keyOf(quota)), quota, room, performance.now()) ? this.count(quota, []) : null
          )
          .catch(() => undefined)
      if (this.entries.size > 0 || this.timer === null) return
      clearInterval(this.timer)
      this.timer = null
    }
  }

  private async look(): Promise<void> {
    if (this.busy) return
    this.busy = true
    try {
      const room = await this.room()
      await this.lookAtQuotas(room)
      if (!Disk.mayWrite(room)) await this.defend(room)
      await this.lookAtMemory()
    } catch {
      // The next look is soon; a folder or a process that is gone is no failure.
    } finally {
      this.busy = false
    }
  }

  private async lookAtQuotas(room: Disk.Room): Promise<void> {
    const quotas = new Map(
      [...this.entries].flatMap(({ watched }) => watched.quotas.map((quota) => [keyOf(quota), quota] as const))
    )
    for (const [key, quota] of quotas) {
      if (!mayBeOver(this.counts.get(key), quota, room, performance.now())) continue
      const those = [...this.entries].filter(({ watched }) => watched.quotas.some((one) => keyOf(one) === key))
      const pids = (await Promise.all(those.map(({ watched }) => watched.processes()))).flat()
      const counted = await this.count(quota, pids)
      for (const entry of those) entry.beganAt ??= counted.bytes
      const why = over(counted, quota)
      if (why !== null)
        for (const { watched } of those) watched.end("disk", `${why}; it was ended. Remove files or raise the quota`)
    }
  }

  /** The disk is at its reserve: whoever wrote most since it began is ended, one account at a look. */
  private async defend(room: Disk.Room): Promise<void> {
    const written = new Map<string, number>()
    for (const { beganAt, watched } of this.entries) {
      const pids = await watched.processes()
      for (const quota of watched.quotas) {
        const grown = (await this.count(quota, pids)).bytes - (beganAt ?? 0)
        written.set(watched.account, Math.max(grown, written.get(watched.account) ?? 0))
      }
    }
    const [account, bytes] = [...written].reduce((most, one) => (one[1] > most[1] ? one : most), ["", 0] as const)
    if (bytes < noticeableBytes) return
    for (const { watched } of this.entries) {
      if (watched.account === account && watched.quotas.length > 0)
        watched.end(
          "disk",
          `it wrote ${Disk.shown(bytes)}, and the disk of this installation is ${Disk.describe(room)}`
        )
    }
  }

  private async lookAtMemory(): Promise<void> {
    const accounts = new Map<string, { bytes: number; readonly those: Array<Watched> }>()
    for (const { watched } of this.entries) {
      if (watched.memoryBytes === null) continue
      const bytes = await Disk.memoryOf(await watched.processes())
      if (bytes > watched.memoryBytes)
        watched.end(
          "oom",
          `its processes and what it keeps in /tmp used ${Disk.shown(bytes)} of memory, more than its ${Disk.shown(watched.memoryBytes)}`
        )
      const account = accounts.get(watched.account) ?? { bytes: 0, those: [] }
      account.bytes += bytes
      account.those.push(watched)
      accounts.set(watched.account, account)
    }
    for (const { bytes, those } of accounts.values()) {
      if (bytes > this.budget.memoryBytes)
        for (const one of those)
          one.end(
            "oom",
            `all commands of the project used ${Disk.shown(bytes)} of memory, more than its ${Disk.shown(this.budget.memoryBytes)}`
          )
    }
  }

  close(): void {
    if (this.timer !== null) clearInterval(this.timer)
    this.timer = null
    this.entries.clear()
  }
}
