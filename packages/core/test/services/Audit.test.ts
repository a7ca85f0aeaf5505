import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { hashOf } from "@rdev/core/audit/AuditChain"
import { canonicalJson } from "@rdev/sdlc/model/Digest"
import type { AuditEntry } from "@rdev/core/domain/Audit"
import { CurrentRequest } from "@rdev/core/domain/Principal"
import { Operations } from "@rdev/core/operations/Operations"
import * as Audit from "@rdev/core/services/Audit"
import * as AuditExport from "@rdev/core/services/AuditExport"
import { Projects } from "@rdev/core/services/Projects"
import { until } from "../operations/Harness.ts"
import { boot, Oracle, world } from "./World.ts"

const platform = () => Layer.fresh(Audit.layer.pipe(Layer.provideMerge(world())))

/** A chain of nine entries as its file. */
const chain = Effect.gen(function* () {
  const audit = yield* Audit.Audit
  for (let i = 0; i < 9; i++)
    yield* audit.record({ projectId: null, type: "key.create", data: { n: i, text: "ü\u2028" } })
  return yield* Stream.mkString(audit.export(null))
})

describe("Audit", () => {
  it.effect("shows one line per operation, with steps and durations, in pages", () =>
    Effect.gen(function* () {
      const audit = yield* Audit.Audit
      const { operation, project } = yield* (yield* Projects).create({ name: "hello" })
      const running = yield* audit.operations(project.id, { before: null, limit: 10 })
      assert.deepStrictEqual(
        Audit.toOperationsView(running.entries).map((line) => [
          line.operation_id,
          line.type,
          line.steps.length,
          line.steps[0]?.status
        ]),
        [[operation.id, "project.provision", 9, "planned"]]
      )
      const process = yield* boot(new Oracle())
      yield* until(operation.id, "completed")
      yield* audit.record({
        projectId: project.id,
        type: "feature.approve",
        steps: [{ name: "approve", status: "completed", durationMillis: 3 }]
      })
      const deletion = yield* (yield* Projects).delete("hello")
      yield* until(deletion.operation.id, "completed")
      yield* process.kill
      const all = yield* audit.operations(project.id, { before: null, limit: 10 })
      assert.deepStrictEqual(
        all.entries.map((entry) => [entry.type, entry.outcome]),
        [
          ["project.delete", "completed"],
          ["feature.approve", "completed"],
          ["project.provision", "completed"]
        ]
      )
      const provision = Audit.toOperationsView(all.entries)[2]
      assert.deepStrictEqual(
        provision?.steps.map((step) => `${step.name} ${step.status}`).sort(),
        [
          "cache",
          "ci",
          "database",
          "deployment.production",
          "dns.production",
          "dns.staging",
          "repository",
          "tls.production",
          "tls.staging"
        ].map((name) => `${name} completed`)
      )
      assert.isTrue(provision?.steps.every((step) => step.duration_ms !== null && step.duration_ms >= 0))
      const first = yield* audit.operations(project.id, { before: null, limit: 2 })
      const second = yield* audit.operations(project.id, { before: first.next, limit: 2 })
      assert.deepStrictEqual([...first.entries, ...second.entries], all.entries)
      assert.strictEqual(second.next, null)
      assert.isTrue((yield* audit.verify(project.id)).ok)
      assert.strictEqual((yield* (yield* Operations).list({ projectId: project.id, limit: 10 })).length, 2)
    }).pipe(Effect.provide(platform()))
  )

  it.effect("records who, with which request, from where", () =>
    Effect.gen(function* () {
      const audit = yield* Audit.Audit
      const entry = yield* audit.record({ projectId: null, type: "key.revoke", outcome: "refused" }).pipe(
        Effect.provideService(CurrentRequest, {
          principal: { id: "key_1", name: "Ada", type: "human", scopes: ["admin"], projects: null },
          requestId: "req-1",
          sourceAddress: "10.0.0.1"
        })
      )
      assert.deepStrictEqual(
        [entry.actor, entry.requestId, entry.sourceAddress, entry.outcome],
        ["key_1", "req-1", "10.0.0.1", "refused"]
      )
    }).pipe(Effect.provide(platform()))
  )
})

describe("audit-chain", () => {
  const tampered = (name: string, change: (lines: Array<string>) => ReadonlyArray<string>, says: string) =>
    it.effect(`${name} is seen`, () =>
      Effect.gen(function* () {
        const lines = (yield* chain).trimEnd().split("\n")
        const verdict = AuditExport.verify(change(lines).join("\n"))
        assert.isFalse(verdict.ok)
        assert.include(verdict.problem?.message ?? "", says)
      }).pipe(Effect.provide(platform()))
    )
  const edit = (line: string | undefined, fields: object) => JSON.stringify({ ...JSON.parse(line ?? "{}"), ...fields })

  it.effect("a whole file is in order, also from more than one page", () =>
    Effect.gen(function* () {
      const audit = yield* Audit.Audit
      assert.isTrue(AuditExport.verify(yield* Stream.mkString(audit.export(null))).ok, "an empty chain")
      for (let i = 0; i < 1_203; i++) yield* audit.record({ projectId: null, type: "key.create" })
      const verdict = AuditExport.verify(yield* Stream.mkString(audit.export(null)))
      assert.deepStrictEqual([verdict.ok, verdict.entries], [true, 1_203])
    }).pipe(Effect.provide(platform()))
  )
  tampered("an edit", (lines) => lines.with(4, edit(lines[4], { actor: "somebody else" })), "this entry was changed")
  tampered(
    "an edit with a new hash",
    (lines) => {
      const entry = JSON.parse(lines[4] ?? "{}") as typeof AuditEntry.Encoded
      const changed = { ...entry, actor: "somebody else" }
      return lines.with(4, canonicalJson({ ...changed, hash: hashOf(changed) }))
    },
    "the entry before this one was changed"
  )
  tampered("a deletion", (lines) => lines.toSpliced(4, 1), "missing before this one")
  tampered("a swap", (lines) => lines.with(3, lines[4] ?? "").with(4, lines[3] ?? ""), "missing before this one")
  tampered("a cut-off end", (lines) => lines.slice(0, -1), "no head line")
  tampered("a cut-off end with the head kept", (lines) => lines.toSpliced(-2, 1), "the end was cut off")
  tampered("an extra field", (lines) => lines.with(2, edit(lines[2], { note: "x" })), "not an audit entry")
  tampered("garbage", (lines) => lines.with(0, "{"), "not JSON")

  it.effect("a rewritten chain is seen by who kept a head", () =>
    Effect.gen(function* () {
      const text = yield* chain
      const kept = AuditExport.verify(text.split("\n").slice(0, 5).join("\n")).head
      assert.strictEqual(kept.number, 5)
      assert.isTrue(AuditExport.verify(text, kept).ok)
      const rewritten = yield* Effect.provide(chain, platform())
      assert.isTrue(AuditExport.verify(rewritten).ok)
      assert.include(AuditExport.verify(rewritten, kept).problem?.message ?? "", "rewritten")
      assert.isTrue(AuditExport.verify(text, { hash: kept.hash }).ok, "the hash alone is enough")
      assert.include(AuditExport.verify(rewritten, { hash: kept.hash }).problem?.message ?? "", "rewritten")
    }).pipe(Effect.provide(platform()))
  )
})
