import { assert, describe, it } from "@effect/vitest"
import { contested } from "../../src/derive/fold/Contest.ts"
import type { LoadedEvent } from "../../src/model/FeatureEvent.ts"
import type { Task, TaskStatus } from "../../src/model/Task.ts"

const event = (
  id: string,
  parents: ReadonlyArray<string>,
  type: string,
  actor: string,
  session?: string
): LoadedEvent =>
  ({
    v: 1,
    id,
    parents,
    actor: { id: actor, type: "agent", ...(session === undefined ? {} : { session }) },
    type,
    at: "2030-01-01T00:00:00Z",
    data: { task: "task-001" }
  }) as unknown as LoadedEvent
const task = (status: TaskStatus): Task => ({
  id: "task-001",
  title: "",
  deps: [],
  covers: [],
  writes: [],
  verify: [],
  origin: "plan",
  status,
  failures: 0,
  event: "x"
})
const names = (events: ReadonlyArray<LoadedEvent>, status: TaskStatus = "running") =>
  contested(events, [task(status)]).map((one) => [one.task, one.by.map((by) => by.event)])

const root = event("a", [], "paused", "ada")

describe("a task that several began side by side", () => {
  it("is contested when neither knew of the other", () => {
    assert.deepStrictEqual(
      names([root, event("b", ["a"], "task-started", "bob"), event("c", ["a"], "task-started", "claude")]),
      [["task-001", ["b", "c"]]]
    )
    assert.deepStrictEqual(
      names([root, event("b", ["a"], "task-started", "bob"), event("c", ["a"], "task-claimed", "claude")], "claimed"),
      [["task-001", ["b", "c"]]]
    )
    assert.deepStrictEqual(
      names([root, event("b", ["a"], "task-started", "bob", "s1"), event("c", ["a"], "task-started", "bob", "s2")]),
      [["task-001", ["b", "c"]]]
    )
  })
  it("is not when one took over from the other, when it was one and the same, or when it is over", () => {
    assert.deepStrictEqual(
      names([
        root,
        event("b", ["a"], "task-started", "bob"),
        event("d", ["b"], "paused", "ada"),
        event("c", ["d"], "task-started", "claude")
      ]),
      []
    )
    assert.deepStrictEqual(
      names([root, event("b", ["a"], "task-started", "bob"), event("c", ["a"], "task-started", "bob")]),
      []
    )
    assert.deepStrictEqual(
      names([root, event("b", ["a"], "task-started", "bob"), event("c", ["a"], "task-started", "claude")], "done"),
      []
    )
  })
  it("stays contested after the merge of the two, until somebody steps back", () => {
    assert.deepStrictEqual(
      names([
        root,
        event("b", ["a"], "task-started", "bob"),
        event("c", ["a"], "task-started", "claude"),
        event("d", ["b", "c"], "paused", "ada")
      ]),
      [["task-001", ["b", "c"]]]
    )
  })
})
