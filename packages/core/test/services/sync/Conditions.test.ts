import { assert, describe, it } from "@effect/vitest"
import { certificateType, type Condition } from "@rdev/core/domain/Condition"
import * as Conditions from "@rdev/core/services/sync/Conditions"

const seen = (status: Condition["status"]) => ({
  type: "dns.staging",
  status,
  reason: "Looked",
  message: "It was looked at."
})
const renewal: Condition = {
  type: certificateType,
  status: "false",
  reason: "RateLimited",
  message: "The certificate has ended.",
  timeMillis: 7
}

describe("what a look at resources says beside what is known", () => {
  it("leaves alone what the renewal of certificates told, and drops what is seen no more", () => {
    const gone: Condition = { ...seen("true"), type: "cache.staging", timeMillis: 1 }
    const before = [gone, { ...seen("true"), timeMillis: 5 }, renewal]
    const after = Conditions.merged(before, [seen("false")], 9)
    assert.deepStrictEqual(after, [{ ...seen("false"), timeMillis: 9 }, renewal])
    assert.strictEqual(Conditions.merged(after, [seen("false")], 11), after, "nothing is written when nothing is new")
  })
})
