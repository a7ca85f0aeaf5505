import { assert, describe, it } from "@effect/vitest"
import type { TreeEntry } from "../../../src/ports/Forge.ts"
import * as Examine from "../../../src/services/features/Examine.ts"

const entry = (path: string, oid = "a".repeat(40), mode = "100644"): TreeEntry => ({ path, mode, oid })
const event = "01K9ZZZZZZZZZZZZZZZZZZZZZZ-artifact-submitted.json"
const dir = ".sdlc/features/contact/"
const base: ReadonlyArray<TreeEntry> = [entry(".sdlc/policy.yaml"), entry(`${dir}feature.yaml`), entry(`${dir}events/${event}`), entry(`${dir}evidence/${"e".repeat(64)}.intoto.json`), entry(".sdlc/features/other/spec.md"), entry("src/index.js")]
const main: ReadonlyArray<TreeEntry> = [entry(".sdlc/policy.yaml", "c".repeat(40)), entry(".sdlc/features/other/spec.md", "c".repeat(40)), entry(".sdlc/features/third/events/z.json")]
const examine = (after: ReadonlyArray<TreeEntry>, written: ReadonlyArray<Examine.WrittenEvent> = [], agentGates: ReadonlyArray<string> = []) =>
  Examine.problems({ slug: "contact", agent: "scripted", before: base, base: main, after, written, agentGates: new Set(agentGates) })
const with_ = (...entries: ReadonlyArray<TreeEntry>) => {
  const changed = new Set(entries.map((one) => one.path))
  return [...base.filter((one) => !changed.has(one.path)), ...entries]
}
const own: Examine.WrittenEvent = { file: `${dir}events/x.json`, type: "artifact-submitted", actor: { id: "scripted", type: "agent" } }

describe("Examine", () => {
  it("lets documents, code and the agent's own events land", () => {
    assert.deepStrictEqual(examine(with_(entry("src/index.js", "b".repeat(40)), entry(`${dir}spec.md`), entry(own.file)), [own]), [])
  })
  it("lets an agent delete code and run no event at all", () => {
    assert.deepStrictEqual(examine(base.filter((one) => one.path !== "src/index.js")), [])
  })
  it("lets a merge bring in the default branch as it is, and nothing beyond it", () => {
    assert.deepStrictEqual(examine(with_(...main)), [])
    assert.lengthOf(examine(with_(...main, entry(".sdlc/features/third/events/y.json"))), 1)
  })
  const refused: ReadonlyArray<readonly [string, ReadonlyArray<TreeEntry>, string]> = [
    ["a changed policy", with_(entry(".sdlc/policy.yaml", "b".repeat(40))), ".sdlc/policy.yaml: an agent may not change the policy"],
    ["a deleted policy", base.filter((one) => one.path !== ".sdlc/policy.yaml"), ".sdlc/policy.yaml: an agent may not change the policy"],
    ["a changed event", with_(entry(`${dir}events/${event}`, "b".repeat(40))), "append-only; it was changed"],
    ["a deleted event", base.filter((one) => !one.path.endsWith(event)), "append-only; it was deleted"],
    ["changed evidence", with_(entry(`${dir}evidence/${"e".repeat(64)}.intoto.json`, "b".repeat(40))), "append-only; it was changed"],
    ["another feature's document", with_(entry(".sdlc/features/other/spec.md", "b".repeat(40))), "belongs to another feature"],
    ["another feature's new event", with_(entry(".sdlc/features/other/events/y.json")), "belongs to another feature"],
    ["a symbolic link among the state", with_(entry(`${dir}spec.md`, "b".repeat(40), "120000")), "only plain files"],
    ["a changed mode of an event", with_(entry(`${dir}events/${event}`, "a".repeat(40), "100755")), "append-only; it was changed"]
  ]
  for (const [what, after, problem] of refused) {
    it(`refuses ${what}`, () => {
      const found = examine(after)
      assert.isTrue(found.some((one) => one.includes(problem)), `${problem} not in ${JSON.stringify(found)}`)
    })
  }
  it("refuses events in another's name, of another agent, and of types that agents may not write", () => {
    const written: ReadonlyArray<Examine.WrittenEvent> = [
      { ...own, actor: { id: "ada", type: "human" } },
      { ...own, actor: { id: "platform", type: "platform" } },
      { ...own, actor: { id: "other-agent", type: "agent" } },
      { ...own, type: "ci-recorded" },
      { ...own, type: "task-verified" },
      { ...own, type: "merged" },
      { ...own, type: "phase-moved" },
      { ...own, type: "verdict", gate: "spec" }
    ]
    for (const one of written) assert.lengthOf(examine(with_(entry(own.file)), [one]), 1, JSON.stringify(one))
  })
  it("lets an agent give a verdict at a gate that the policy leaves to agents, and at no other", () => {
    const verdict: Examine.WrittenEvent = { ...own, type: "verdict", gate: "tasks" }
    assert.deepStrictEqual(examine(with_(entry(own.file)), [verdict], ["tasks"]), [])
    assert.lengthOf(examine(with_(entry(own.file)), [{ ...verdict, gate: "merge" }], ["tasks"]), 1)
  })
})
