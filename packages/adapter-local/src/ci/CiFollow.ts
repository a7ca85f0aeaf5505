/** A run's events from the beginning to its end, whichever process executes it. */
import type { CiEvent } from "@rdev/core/ports/infra/Ci"
import { notFound } from "../LocalFailure.ts"
import { elsewhereMillis, isElsewhere, type Place } from "./CiPlace.ts"
import * as CiRecords from "./CiRecords.ts"
import { settled } from "./CiRuns.ts"

export async function* follow(place: Place, projectId: string, id: string): AsyncGenerator<CiEvent> {
  const { active, dataDir } = place
  let offset = 0
  while (true) {
    // The record is read before the log: when it says the run has ended, the log is complete.
    const record = await CiRecords.read(dataDir, projectId, id)
    let changed = false
    let wake = () => {
      changed = true
    }
    const entry = active.get(id)
    const listener = () => wake()
    entry?.waiting.add(listener)
    try {
      const next = await CiRecords.readEvents(dataDir, projectId, id, offset)
      offset = next.offset
      yield* next.events
      if (next.events.length > 0) continue
      if (record === null) throw notFound(`run ${id} was removed`)
      if (record.status !== "running") return void (yield { _tag: "Ended", run: CiRecords.view(record) })
      if (entry === undefined && isElsewhere(place, projectId, id)) {
        await new Promise<void>((resolve) => setTimeout(resolve, elsewhereMillis))
        continue
      }
      if (entry === undefined) {
        // Ended between the two looks, or lost.
        const again = await settled(place, projectId, id)
        if (again?.status !== "running") continue
        return void (yield {
          _tag: "Ended",
          run: { ...CiRecords.view(again), status: "infra", reason: "lost: the run's end was not recorded" }
        })
      }
      if (!changed && active.has(id))
        await new Promise<void>((resolve) => {
          wake = resolve
        })
    } finally {
      entry?.waiting.delete(listener)
    }
  }
}
