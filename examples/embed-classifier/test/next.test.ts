import { describe, expect, it } from "vitest"
import { next } from "../src/next.ts"

describe("embed-classifier", () => {
  it("answers with the next action for a change in review", () => {
    expect(next({ pipeline: "running", openThreads: 0, approved: false })).toMatchObject({
      action: "wait-ci",
      actor: "platform"
    })
    expect(next({ pipeline: "failed", openThreads: 0, approved: false })).toMatchObject({ action: "regress" })
    expect(next({ pipeline: "success", openThreads: 2, approved: true })).toMatchObject({
      action: "resolve-threads",
      actor: "agent"
    })
    expect(next({ pipeline: "success", openThreads: 0, approved: false })).toMatchObject({
      action: "approve-review",
      actor: "human"
    })
    expect(next({ pipeline: "success", openThreads: 0, approved: true })).toMatchObject({ action: "advance" })
  })
  it("says which facts the answer rests on", () => {
    expect(next({ pipeline: "success", openThreads: 2, approved: true }).because).toContain("threads=true")
  })
})
