import { assert, it } from "@effect/vitest"
import * as Ids from "@rdev/core/domain/Ids"
import { Effect } from "effect"
import { fromUuid, toUuid } from "../../src/queue/TaskUuid.ts"

it.effect("ids and uuids are the same bits in the same order", () => Effect.gen(function*() {
  const ids = ["task_00000000000000000000000000", "task_7ZZZZZZZZZZZZZZZZZZZZZZZZZ", "task_0123456789ABCDEFGHJKMNPQRS"] as Array<string>
  for (let i = 0; i < 500; i++) ids.push(yield* Ids.make("task"))
  for (const id of ids) {
    assert.match(toUuid(id), /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    assert.strictEqual(fromUuid("task_", toUuid(id)), id)
  }
  assert.deepStrictEqual([...ids].sort().map(toUuid), ids.map(toUuid).sort())
}))
