import { assert, it } from "@effect/vitest"
import * as NewId from "@rdev/core/ids/NewId"
import { Effect } from "effect"
import { bytesOfHex, fromBytes, fromUuid, hexAt, millisOf, size, toUuid } from "../../src/queue/TaskUuid.ts"

it.effect("ids and uuids are the same bits in the same order", () =>
  Effect.gen(function* () {
    const ids = [
      "task_00000000000000000000000000",
      "task_7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
      "task_0123456789ABCDEFGHJKMNPQRS"
    ] as Array<string>
    for (let i = 0; i < 500; i++) ids.push(yield* NewId.make("task"))
    for (const id of ids) {
      assert.match(toUuid(id), /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
      assert.strictEqual(fromUuid("task_", toUuid(id)), id)
    }
    assert.deepStrictEqual([...ids].sort().map(toUuid), ids.map(toUuid).sort())
  })
)

it.effect("several ids in one text of digits", () =>
  Effect.gen(function* () {
    const ids: Array<string> = ["task_7ZZZZZZZZZZZZZZZZZZZZZZZZZ", "task_0123456789ABCDEFGHJKMNPQRS"]
    for (let i = 0; i < 100; i++) ids.push(yield* NewId.make("task"))
    const digits = ids.map((id) => toUuid(id).replaceAll("-", ""))
    const bytes = bytesOfHex(digits.join(""))
    for (const [i, id] of ids.entries()) {
      assert.strictEqual(fromBytes("task_", bytes, size * i), id)
      assert.strictEqual(hexAt(bytes, size * i), digits[i])
      assert.strictEqual(millisOf(bytes, size * i), NewId.timeMillis(id))
    }
  })
)
