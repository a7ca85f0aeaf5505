/**
 * Uses of a service that another process of the installation runs. That process cannot see them, as they go to the service's socket
 * directly: so they are told by a record, before its socket is looked for and as long as they last. It takes the socket's record away
 * before it looks at that one for the last time, so that of the two one always sees the other.
 */
import type * as Ids from "@rdev/core/domain/Ids"
import type { Socket } from "node:net"
import type { Place, Reached } from "./Place.ts"
import type { ReleaseRecord } from "./ReleaseRecords.ts"
import * as ServiceRecords from "./ServiceRecords.ts"
import * as ServiceRunner from "./ServiceRunner.ts"

const connectTimeoutMillis = 2_000
/** Uses are told again at most so often. */
const maxTellMillis = 5_000

interface Use {
  open: number
  toldMillis: number
  timer: NodeJS.Timeout | null
}

const connected = (socket: Socket): Promise<boolean> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => settle(false), connectTimeoutMillis)
    const settle = (well: boolean) => {
      clearTimeout(timer)
      socket.off("connect", yes).off("close", no)
      if (!well) socket.destroy()
      resolve(well)
    }
    const yes = () => settle(true)
    const no = () => settle(false)
    // Whoever uses it hears of later errors by its end.
    socket
      .on("error", () => undefined)
      .on("connect", yes)
      .on("close", no)
  })

export const make = ({ dataDir, idleMillis: byDefault }: Pick<Place, "dataDir" | "idleMillis">) => {
  const uses = new Map<string, Use>()
  const tellMillis = (record: ReleaseRecord): number | null => {
    const idle = ServiceRecords.idleMillis(record, byDefault)
    return idle === null ? null : Math.min(maxTellMillis, idle / 4)
  }
  const tell = async (projectId: Ids.ProjectId, record: ReleaseRecord): Promise<void> => {
    const every = tellMillis(record)
    if (every === null) return
    const one = uses.get(record.id) ?? { open: 0, toldMillis: 0, timer: null }
    uses.set(record.id, one)
    const now = Date.now()
    if (now - one.toldMillis < every) return
    one.toldMillis = now
    await ServiceRecords.writeAsked(dataDir, projectId, record, now)
  }
  const begin = (projectId: Ids.ProjectId, record: ReleaseRecord): (() => void) => {
    const one = uses.get(record.id)
    const every = tellMillis(record)
    if (one === undefined || every === null) return () => undefined
    one.open++
    one.timer ??= setInterval(() => {
      // One that cannot be told now is told the next time; at worst the service sleeps and is woken again.
      tell(projectId, record).catch(() => undefined)
    }, every).unref()
    return () => {
      one.open--
      if (one.open > 0) return
      if (one.timer !== null) clearInterval(one.timer)
      one.timer = null
      uses.delete(record.id)
    }
  }

  /** Null when nobody runs it, or it does not answer (yet). */
  return async (projectId: Ids.ProjectId, record: ReleaseRecord): Promise<(Reached & { kind: "open" }) | null> => {
    if ((await ServiceRecords.readHome(dataDir, projectId, record)) === null) return null
    await tell(projectId, record)
    const home = await ServiceRecords.readHome(dataDir, projectId, record)
    if (home === null) return null
    const socket = ServiceRunner.connectTo(home)()
    if (!(await connected(socket))) return null
    const ended = begin(projectId, record)
    let [used, open] = [false, true]
    return {
      kind: "open",
      connect: () => {
        if (used) return ServiceRunner.connectTo(home)()
        used = true
        return socket
      },
      done: () => {
        if (!open) return
        open = false
        if (!used) socket.destroy()
        ended()
      }
    }
  }
}
