/** One run's record and log; every change is on disk before followers hear of it. */
import type { CiStep } from "@rdev/core/ports/infra/Ci"
import { attempt } from "../LocalFailure.ts"
import { notify, type Place } from "./CiPlace.ts"
import * as CiRecords from "./CiRecords.ts"

export const make = (place: Place, projectId: string, initial: CiRecords.RunRecord) => {
  const { dataDir } = place
  let [record, logged, truncated] = [initial, 0, false]
  const save = (change: Partial<CiRecords.RunRecord>) =>
    attempt(async () => {
      record = { ...record, ...change }
      await CiRecords.write(dataDir, projectId, record)
    })
  const log = (events: ReadonlyArray<CiRecords.LogEvent>) =>
    attempt(async () => {
      const kept = events.filter((event) => {
        if (event._tag !== "Output") return true
        logged += event.line.length + 60
        return logged <= CiRecords.maxLogBytes
      })
      if (kept.length < events.length && !truncated) {
        truncated = true
        const step = events[0]?.step ?? ""
        kept.push({
          _tag: "Output",
          step,
          stream: "stderr",
          line: `[the log is longer than ${CiRecords.maxLogBytes} bytes; the rest is not kept]`
        })
      }
      if (kept.length > 0) await CiRecords.append(dataDir, projectId, record.id, kept)
      notify(place, record.id)
    })
  const step = (name: string, change: Partial<CiStep>) =>
    save({ steps: record.steps.map((one) => (one.name === name ? { ...one, ...change } : one)) })
  return { save, log, step, current: () => record }
}
export type Journal = ReturnType<typeof make>
