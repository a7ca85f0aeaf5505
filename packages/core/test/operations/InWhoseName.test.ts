import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import * as fc from "fast-check"
import { system } from "@rdev/core/domain/Event"
import { allows, allowsProject, CurrentRequest, type Principal, Scope } from "@rdev/core/domain/Principal"
import * as InWhoseName from "@rdev/core/operations/InWhoseName"
import { Operations } from "@rdev/core/operations/Operations"
import * as Step from "@rdev/core/operations/Step"
import { EventLog } from "@rdev/core/ports/stores/EventLog"
import { Issuers } from "@rdev/core/services/Issuers"
import { platform, runner, until } from "./Harness.ts"
import { request, shelf, thing, three } from "./Shelf.ts"

const key = (id: string, scopes: ReadonlyArray<Scope>, projects: ReadonlyArray<string> | null = null): Principal => ({
  id,
  name: id,
  type: "human",
  scopes: [...scopes],
  projects: projects === null ? null : [...projects]
})
const projects = ["p1", "p2", "p3"]
const principal = (id: string) =>
  fc
    .record({
      scopes: fc.subarray([...Scope.literals]),
      projects: fc.option(fc.subarray(projects), { nil: null })
    })
    .map((one) => key(id, one.scopes, one.projects))

describe("InWhoseName", () => {
  it("never lets an operation go on with a right that who retries it lacks", () => {
    fc.assert(
      fc.property(principal("key_a"), principal("key_b"), fc.boolean(), fc.boolean(), (a, b, alive, own) => {
        const answer = InWhoseName.decide(a.id, alive ? Option.some(a) : Option.none(), b, own)
        if (answer._tag === "Refused") {
          assert.isFalse(own)
          return assert.match(answer.message, /in_own_name/)
        }
        const name = answer._tag === "Retrier" ? b : a
        for (const scope of Scope.literals) if (allows(name, scope)) assert.isTrue(allows(b, scope), scope)
        for (const id of [...projects, "p4"]) if (allowsProject(name, id)) assert.isTrue(allowsProject(b, id), id)
        // Nor with one that only they have, unless they say so.
        if (!own) assert.isTrue(alive && answer._tag === "Starter")
      })
    )
  })
})

const strong = key("key_strong", ["admin"])
const weak = key("key_weak", ["projects:execute"])
const middle = key("key_middle", ["projects:read", "projects:execute"])

/** Steps write down in whose name they ran; `parks`: the first time it is not known what became of c. */
const stage = (names: Array<string>, s = shelf()) => {
  const definition = three(s, {
    actsAs: "starter",
    steps: (_, { actor }) => [
      thing(s, "a", [], { do: () => Effect.sync(() => names.push(actor)).pipe(Effect.as(Step.done({ name: "a" }))) }),
      thing(s, "c", ["a"])
    ]
  })
  return { s, definition }
}
const as =
  (who: Principal) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.provideService(effect, CurrentRequest, { principal: who, requestId: null, sourceAddress: null })

describe("retrying what acts for its starter", () => {
  const cases: ReadonlyArray<
    readonly [
      what: string,
      starter: Principal,
      retrier: Principal,
      alive: boolean,
      own: boolean,
      name: string | "refused"
    ]
  > = [
    ["by the starter", weak, weak, true, false, "key_weak"],
    ["by one who may do more: still in the starter's name", weak, strong, true, false, "key_weak"],
    ["by one who may do more, in the own name", weak, strong, true, true, "key_strong"],
    ["by one who may do less", strong, weak, true, false, "refused"],
    ["by one who may do less, in the own name", strong, weak, true, true, "key_weak"],
    ["by one who may do as much and more", weak, middle, true, false, "key_weak"],
    ["of a key that has ended", strong, middle, false, false, "refused"],
    ["of a key that has ended, by a stronger one", weak, strong, false, false, "refused"],
    ["of a key that has ended, in the own name", strong, middle, false, true, "key_middle"]
  ]
  for (const [what, starter, retrier, alive, own, name] of cases) {
    for (const end of ["undone", "parked"] as const) {
      it.effect(`${what} (${end})`, () => {
        const names: Array<string> = []
        const { definition, s } = stage(names)
        let gone = false
        const issuers = Layer.succeed(Issuers, {
          principal: (id) =>
            Effect.sync(() =>
              gone ? Option.none() : Option.fromUndefinedOr([strong, weak, middle].find((one) => one.id === id))
            )
        })
        // An undo that fails parks nothing: it is tried again by a retry of the same operation.
        s.instead.set("do c", Effect.fail(Step.failure("Invalid", "no")))
        if (end === "parked") s.instead.set("undo a", Effect.fail(Step.failure("Invalid", "no")))
        return Effect.gen(function* () {
          const operations = yield* Operations
          const { id } = yield* as(starter)(operations.start(request))
          const r = yield* runner()
          yield* until(id, end === "undone" ? "failed" : "compensation_failed")
          s.instead.clear()
          gone = !alive
          const retried = yield* Effect.exit(as(retrier)(operations.retry(id, { inOwnName: own })))
          if (name === "refused") {
            assert.strictEqual(retried._tag, "Failure")
            assert.strictEqual((yield* operations.get(id)).actor, starter.id)
            assert.deepStrictEqual(names, [starter.id])
          } else {
            assert.strictEqual(retried._tag, "Success")
            const again = retried._tag === "Success" ? retried.value : yield* operations.get(id)
            assert.strictEqual(again.actor, name)
            yield* until(again.id, end === "undone" ? "completed" : "failed")
            assert.deepStrictEqual(names, end === "undone" ? [starter.id, name] : [starter.id])
            if (end === "parked") {
              const { events } = yield* (yield* EventLog).read(system, 0, 1_000)
              assert.deepInclude(events.find((event) => event.type === "operation.retried")?.data, {
                actor: retrier.id,
                acts_for: name
              })
            }
          }
          yield* r.stop
        }).pipe(Effect.provide(platform(definition).pipe(Layer.provideMerge(issuers))))
      })
    }
  }

  it.effect("what acts for the platform goes on for whoever may retry", () => {
    const s = shelf()
    s.instead.set("do c", Effect.fail(Step.failure("Invalid", "no")))
    return Effect.gen(function* () {
      const operations = yield* Operations
      const { id } = yield* as(strong)(operations.start(request))
      const r = yield* runner()
      yield* until(id, "failed")
      s.instead.clear()
      const again = yield* as(weak)(operations.retry(id))
      assert.strictEqual((yield* until(again.id, "completed")).actor, weak.id)
      yield* r.stop
    }).pipe(Effect.provide(platform(three(s))))
  })
})
