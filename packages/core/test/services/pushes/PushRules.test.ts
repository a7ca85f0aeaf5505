import { sign, entryOf, generate, signingKey } from "@rdev/sdlc/repo/Trust"
import { printEvent } from "@rdev/sdlc/repo/Repo"
import { sha256 } from "@rdev/sdlc/repo/Digest"
import type { FeatureEvent } from "@rdev/sdlc/model/FeatureEvent"
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import type { Principal, Scope } from "../../../src/domain/Principal.ts"
import {
  type BranchPush,
  judge,
  type NewRecord,
  recordProblem,
  type StateTree
} from "../../../src/services/pushes/PushRules.ts"

const pusher = (...scopes: ReadonlyArray<Scope>): Principal => ({
  id: "key_1",
  name: "ada",
  type: "ci",
  scopes: ["projects:execute", ...scopes],
  projects: null
})
const ci = pusher()
const writer = pusher("sdlc:write")
const approver = pusher("sdlc:approve", "sdlc:write")
const tree = (files: Readonly<Record<string, string>>): StateTree =>
  new Map(Object.entries(files).map(([path, oid]) => [path, /^\d{6} /.test(oid) ? oid : `100644 ${oid}`]))
const event = ".sdlc/features/contact/events/01J00000000000000000000000-paused.json"
const start = {
  ".sdlc/policy.yaml": "p1",
  ".sdlc/features/old/feature.yaml": "f",
  ".sdlc/features/old/events/01J00000000000000000000001-paused.json": "e1"
}
const push = (change: Partial<BranchPush> & Pick<BranchPush, "next">): BranchPush => ({
  branch: "work",
  isDefault: false,
  forward: true,
  old: null,
  main: tree(start),
  forks: [tree(start)],
  features: new Map(),
  ...change
})
const onMain = (next: StateTree | null, more: Partial<BranchPush> = {}) =>
  push({ branch: "main", isDefault: true, old: tree(start), next, ...more })
const problemsOf = (one: BranchPush, by: Principal) => judge(one, by).problems

describe("what a push may change", () => {
  it("is code, and documents", () => {
    for (const by of [ci, writer, approver]) {
      assert.deepStrictEqual(judge(push({ next: tree({ ...start, ".sdlc/features/contact/spec.md": "s" }) }), by), {
        problems: [],
        records: []
      })
      assert.deepStrictEqual(judge(onMain(tree({ ...start, ".sdlc/specs/x/spec.md": "s" })), by), {
        problems: [],
        records: []
      })
    }
  })

  it("is not the policy, in any spelling, by a key that may not approve", () => {
    const { ".sdlc/policy.yaml": _policy, ...without } = start
    for (const files of [
      { ...start, ".sdlc/policy.yaml": "p2" },
      without,
      { ...start, ".sdlc/policy.yaml": "120000 p1" },
      { ...start, ".SDLC/policy.yaml": "p2" },
      { ...start, ".sdlc/Policy.YAML": "p2" },
      { ...start, ".sdlc./policy.yaml": "p" },
      { ...start, ".sd\u200clc/policy.yaml": "p" },
      { ...start, ".sdlc": "160000 c" }
    ]) {
      for (const by of [ci, writer]) {
        assert.notDeepEqual(problemsOf(push({ next: tree(files) }), by), [], JSON.stringify(files))
        assert.notDeepEqual(problemsOf(onMain(tree(files)), by), [], JSON.stringify(files))
      }
      assert.deepStrictEqual(problemsOf(push({ next: tree(files) }), approver), [])
    }
    assert.include(problemsOf(push({ next: tree({ ...start, ".sdlc/policy.yaml": "p2" }) }), ci)[0], "sdlc:approve")
  })

  it("may hold an older policy on a branch that left before, and not bring it back to the default branch", () => {
    const older = tree({ ...start, ".sdlc/policy.yaml": "p0" })
    assert.deepStrictEqual(problemsOf(push({ next: older, forks: [older] }), ci), [])
    assert.notDeepEqual(problemsOf(onMain(older, { forks: [older] }), ci), [])
  })

  it("leaves what is recorded as it was", () => {
    const { ".sdlc/features/old/events/01J00000000000000000000001-paused.json": _event, ...without } = start
    for (const files of [
      without,
      { ...start, ".sdlc/features/old/events/01J00000000000000000000001-paused.json": "e2" },
      { ...start, ".sdlc/features/old/feature.yaml": "g" }
    ]) {
      assert.notDeepEqual(problemsOf(push({ next: tree(files) }), writer), [])
      assert.notDeepEqual(problemsOf(onMain(tree(files)), writer), [])
    }
  })

  it("adds records with sdlc:write, each to be looked at", () => {
    const next = tree({ ...start, [event]: "e" })
    assert.notDeepEqual(problemsOf(push({ next }), ci), [])
    assert.deepStrictEqual(judge(push({ next }), writer), {
      problems: [],
      records: [{ path: event, slug: "contact", kind: "event" }]
    })
    assert.deepStrictEqual(judge(push({ next }), approver), { problems: [], records: [] })
  })

  it("does not merge a feature that is driven on its branch", () => {
    const contact = tree({ ...start, ".sdlc/features/contact/feature.yaml": "f", [event]: "e" })
    const features = new Map([["contact", contact]])
    assert.match(problemsOf(onMain(contact, { features }), writer)[0] ?? "", /gates decide.*sdlc:approve/)
    assert.deepStrictEqual(problemsOf(onMain(contact, { features }), approver), [])
    // What another branch takes over from it is known already.
    assert.deepStrictEqual(judge(push({ next: contact, features }), writer), { problems: [], records: [] })
  })

  it("never rewrites or deletes the default branch, and a feature's only by who may approve", () => {
    for (const by of [ci, approver]) {
      assert.notDeepEqual(problemsOf(onMain(null), by), [])
      assert.notDeepEqual(problemsOf(onMain(tree(start), { forward: false }), by), [])
    }
    const old = tree({ ...start, ".sdlc/features/contact/feature.yaml": "f" })
    const rewritten = push({ branch: "feature/contact", old, next: old, forward: false })
    assert.notDeepEqual(problemsOf(rewritten, writer), [])
    assert.deepStrictEqual(problemsOf(rewritten, approver), [])
    assert.notDeepEqual(problemsOf(push({ branch: "copy", old, next: null }), writer), [])
    assert.deepStrictEqual(problemsOf(push({ branch: "copy", old: tree(start), next: null }), ci), [])
    assert.deepStrictEqual(
      problemsOf(push({ branch: "mine", old: tree(start), next: tree(start), forward: false }), ci),
      []
    )
  })

  it("keeps policy and records of the default branch, whatever is pushed without the scope", () => {
    const path = fc.constantFrom(...Object.keys(start), event, ".sdlc/x.md")
    const files = fc.dictionary(path, fc.constantFrom("p1", "p2", "e1", "f", "120000 p1")).map(tree)
    fc.assert(
      fc.property(files, files, fc.boolean(), (old, next, forward) => {
        const { problems } = judge(onMain(next, { old, main: old, forward }), writer)
        if (problems.length > 0) return
        assert.strictEqual(next.get(".sdlc/policy.yaml"), old.get(".sdlc/policy.yaml"))
        for (const [name, content] of old)
          if (/events|feature\.yaml/.test(name)) assert.strictEqual(next.get(name), content)
      }),
      { numRuns: 500 }
    )
  })
})

describe("a record in a push", () => {
  const keys = generate()
  const key = signingKey("platform", keys.privatePem)
  const made = (type: string, actor: FeatureEvent["actor"], data: unknown): FeatureEvent =>
    ({
      v: 1,
      id: "01J00000000000000000000000",
      parents: [],
      actor,
      type,
      at: "2030-01-01T00:00:00.000Z",
      data
    }) as FeatureEvent
  const record = (type: string): NewRecord => ({
    path: `.sdlc/features/contact/events/01J00000000000000000000000-${type}.json`,
    slug: "contact",
    kind: "event"
  })
  const problemOf = (one: FeatureEvent, by = writer) =>
    recordProblem(record(one.type), Buffer.from(printEvent(one)), by, [entryOf(key)])
  const verdict = made(
    "verdict",
    { id: "ada", type: "human" },
    { gate: "spec", subject: null, verdict: "waive", reason: "x", upstream: {} }
  )

  it("speaks for the key that pushes it, and opens nothing", () => {
    assert.isNull(problemOf(made("paused", { id: "ada", type: "ci" }, { reason: "x" })))
    for (const actor of [
      { id: "ada", type: "human" },
      { id: "bob", type: "ci" },
      { id: "platform", type: "platform" },
      { id: "ada", type: "agent" }
    ] as const)
      assert.include(problemOf(made("paused", actor, { reason: "x" })), "SDLC_PRINCIPAL=ci:ada")
    for (const [type, data] of [
      ["verdict", verdict.data],
      ["resumed", {}],
      ["phase-moved", { from: "draft", to: "released", rule: "x", reason: "x" }],
      ["ci-recorded", { tree: "sha256:" + "0".repeat(64), sha: "x", run: "r", status: "passed" }]
    ] as const) {
      assert.isNotNull(problemOf(made(type, { id: "ada", type: "ci" }, data)), type)
    }
  })

  it("counts in any name when a key of the keyring signed it, as it is", () => {
    const signed = sign(verdict, key)
    assert.isNull(problemOf(signed))
    assert.isNotNull(problemOf({ ...signed, actor: { id: "eve", type: "human" } }))
    assert.isNotNull(problemOf(sign(verdict, signingKey("platform", generate().privatePem))))
  })

  it("is what its name says", () => {
    const paused = made("paused", { id: "ada", type: "ci" }, { reason: "x" })
    for (const [name, content] of [
      ["01J00000000000000000000000-resumed.json", printEvent(paused)],
      ["notes.json", printEvent(paused)],
      ["01J00000000000000000000000-paused.json", "{"],
      ["01J00000000000000000000000-paused.json", `${" ".repeat(300_000)}{}`]
    ] as const) {
      assert.isNotNull(
        recordProblem(
          { ...record("paused"), path: `.sdlc/features/contact/events/${name}` },
          Buffer.from(content),
          writer,
          []
        ),
        name
      )
    }
    const evidence = (name: string) =>
      recordProblem(
        { path: `.sdlc/features/contact/evidence/${name}.intoto.json`, slug: "contact", kind: "evidence" },
        Buffer.from("{}"),
        writer,
        []
      )
    assert.isNull(evidence(sha256("{}")))
    assert.isNotNull(evidence(sha256("{ }")))
    const identity = (text: string) =>
      recordProblem(
        { path: ".sdlc/features/contact/feature.yaml", slug: "contact", kind: "identity" },
        Buffer.from(text),
        writer,
        []
      )
    const feature = (slug: string) =>
      `v: 1\nid: 01J00000000000000000000000\nslug: ${slug}\ntitle: Contact\nkind: feature\ncreated: 2030-01-01T00:00:00.000Z\n`
    assert.isNull(identity(feature("contact")))
    for (const text of [feature("shop"), "v: 1\nid: x\n", "{"]) assert.isNotNull(identity(text), text)
  })
})
