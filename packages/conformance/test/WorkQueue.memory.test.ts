import * as MemoryWorkQueueStore from "@rdev/core/memory/stores/WorkQueueStore"
import { Clock, Effect, Layer } from "effect"
import * as ShiftedClock from "../src/ShiftedClock.ts"
import * as WorkQueueSuite from "../src/queue/WorkQueueSuite.ts"

const time = Layer.effect(Clock.Clock, ShiftedClock.make)
const isShifted = (clock: Clock.Clock): clock is ShiftedClock.ShiftedClock => "advance" in clock

WorkQueueSuite.suite("memory", Layer.merge(MemoryWorkQueueStore.layer, time), {
  advance: (millis) =>
    Effect.flatMap(Clock.Clock, (clock) =>
      isShifted(clock)
        ? Effect.sync(() => clock.advance(millis))
        : Effect.die(new Error("the test has no shifted clock"))
    ),
  model: { runs: 20, steps: 60 }
})
