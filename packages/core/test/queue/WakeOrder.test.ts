import { assert, it } from "@effect/vitest"
import * as WakeOrder from "../../src/queue/worker/WakeOrder.ts"

it("the first worker follows at once, others after those before them, none for ever", () => {
  const waits = (workers: number, more: number) =>
    Array.from({ length: workers }, (_, ahead) => WakeOrder.patience({ ahead, workers }, more))
  assert.deepStrictEqual(waits(6, 0), [0, 20, 40, 60, 80, 80])
  assert.deepStrictEqual(waits(3, 0), waits(3, -2))
})
it("who was given long tasks comes after those who were not, unless there is nobody else", () => {
  assert.deepStrictEqual(
    [0, 1].map((ahead) => WakeOrder.patience({ ahead, workers: 2 }, 1)),
    [40, 60]
  )
  assert.strictEqual(WakeOrder.patience({ ahead: 0, workers: 1 }, 9), 0)
})
