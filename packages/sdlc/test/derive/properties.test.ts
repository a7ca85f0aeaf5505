import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import fc from "fast-check"
import { classify } from "../../src/classify/Classify.ts"
import { floor } from "../../src/classify/Gates.ts"
import { decide } from "../../src/derive/Decide.ts"
import { dependencyStatuses } from "../../src/derive/Dependencies.ts"
import { derive } from "../../src/derive/Derive.ts"
import { documentState } from "../../src/derive/Documents.ts"
import { fold } from "../../src/derive/Fold.ts"
import { keyOf } from "../../src/derive/Subjects.ts"
import { subjectOf } from "../../src/derive/Verdicts.ts"
import { factDomains, factNames } from "../../src/model/Facts.ts"
import type { LoadedEvent } from "../../src/model/FeatureEvent.ts"
import type { FeatureState } from "../../src/model/FeatureState.ts"
import { documentKinds, gateNames } from "../../src/model/Names.ts"
import { phaseIndex } from "../../src/model/Phase.ts"
import type { GateMode, Policy } from "../../src/model/Policy.ts"
import { leanPolicy, standardPolicy } from "../../src/model/Presets.ts"
import { Facts, FeatureEvent } from "../../src/Schemas.ts"
import { violations } from "../proofs/Invariants.ts"
import { author, Driver, human, secondHuman, ulid } from "./Driver.ts"
import * as Random from "./Random.ts"

const runs = Number(process.env["SDLC_PROPERTY_RUNS"] ?? 300)
const property = <T extends Array<unknown>>(
  name: string,
  arbitraries: { [K in keyof T]: fc.Arbitrary<T[K]> },
  check: (...values: T) => void,
  numRuns = runs
): void => {
  it(name, () => {
    fc.assert(
      fc.property(...(arbitraries as unknown as [fc.Arbitrary<unknown>]), (...values: Array<unknown>) =>
        check(...(values as T))
      ),
      { numRuns }
    )
  })
}

const now = Date.parse("2026-01-15T00:00:00Z")
const shuffled = fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true }))
const shuffle = <A>(items: ReadonlyArray<A>, order: Iterator<number>): ReadonlyArray<A> =>
  items
    .map((item) => ({ item, key: order.next().value as number }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item)
const append = (
  events: ReadonlyArray<LoadedEvent>,
  event: Omit<LoadedEvent, "v" | "id" | "parents" | "at">
): ReadonlyArray<LoadedEvent> => [
  ...events,
  {
    v: 1,
    id: ulid(900),
    parents: events.slice(-1).map((last) => last.id),
    at: "2026-01-14T00:00:00Z",
    ...event
  } as LoadedEvent
]

const merging = new Driver(standardPolicy)
merging.until("merge")

/** A feature on the point of merging, with some events at random after it. */
const nearlyMerged = fc
  .array(fc.record({ draft: Random.eventDraft, actor: Random.principal }), { maxLength: 4 })
  .map((extra) => {
    const driver = merging.copy()
    const tree = driver.observed.head?.tree ?? ""
    for (const { actor, draft } of extra) {
      const data =
        "tree" in draft.data
          ? { ...draft.data, tree }
          : "subject" in draft.data &&
              draft.type === "verdict" &&
              !documentKinds.some((kind) => kind === draft.data.gate)
            ? { ...draft.data, subject: tree }
            : draft.data
      driver.push(draft.type, data as never, actor)
    }
    return driver
  })

describe("the generators speak the schema", () => {
  const isEvents = Schema.is(Schema.Array(FeatureEvent))
  property("every random event is one", [Random.eventSet], (events) => assert.isTrue(isEvents(events)))
})

describe("derive is total", () => {
  const isFacts = Schema.is(Facts)
  property(
    "any events, documents, observations and policy give facts within their domains, and a decision that breaks no invariant",
    [Random.eventSet, Random.artifacts, Random.observed, Random.policy],
    (events, artifacts, observed, policy) => {
      const state = fold(events, artifacts, observed)
      const facts = derive(state, policy, now)
      assert.isTrue(isFacts(facts))
      assert.deepStrictEqual(violations(facts, classify(facts)), [])
      const decision = decide(state, policy, now)
      assert.strictEqual(decision.rule, classify(facts).rule)
      assert.notMatch(decision.reason, /[{}[\]]|undefined|^$/)
    }
  )
})

describe("liveness over real events", () => {
  const event = fc.record({ draft: Random.eventDraft, actor: Random.principal, after: fc.nat({ max: 12 }) })
  property(
    "whatever is thrown in on the way, success after success ends in released or archived",
    [fc.array(event, { maxLength: 6 }), fc.constantFrom(standardPolicy, leanPolicy)],
    (events, policy) => {
      const driver = new Driver(policy)
      for (const { actor, after, draft } of events) {
        for (let i = 0; i < after; i++) driver.step()
        const tree = driver.observed.head?.tree ?? ""
        driver.push(draft.type, ("tree" in draft.data ? { ...draft.data, tree } : draft.data) as never, actor)
      }
      driver.until("none", 250)
      assert.include(["released", "archived"], driver.state.lifecycle === "archived" ? "archived" : driver.state.phase)
    },
    Math.ceil(runs / 5)
  )
})

describe("T8: replay, union", () => {
  property(
    "the state does not depend on the order in which events arrive, nor on duplicates",
    [Random.eventSet, Random.artifacts, Random.observed, shuffled],
    (events, artifacts, observed, order) => {
      const state = fold(events, artifacts, observed)
      assert.deepStrictEqual(fold(shuffle([...events, ...events], order), artifacts, observed), state)
    }
  )
  property(
    "the union of two branches is commutative, associative and idempotent",
    [Random.eventSet, fc.infiniteStream(fc.nat({ max: 2 }))],
    (events, sides) => {
      const parts: [Array<LoadedEvent>, Array<LoadedEvent>, Array<LoadedEvent>] = [[], [], []]
      for (const event of events) (parts[sides.next().value as 0] as Array<LoadedEvent>).push(event)
      const [a, b, c] = parts
      const of = (...sets: ReadonlyArray<ReadonlyArray<LoadedEvent>>) => fold(sets.flat(), {}, {})
      assert.deepStrictEqual(of(a, b, c), of(c, b, a))
      assert.deepStrictEqual(of(a, b, c), of(b, c, a, b))
      assert.strictEqual(of(a, b, c).rev, fold(events, {}, {}).rev)
    }
  )
  it("names what is missing, doubled or circular, and is corrupt then", () => {
    const driver = new Driver(standardPolicy)
    driver.until("implement-task")
    const errors = (events: ReadonlyArray<LoadedEvent>) =>
      fold(events, driver.artifacts, driver.observed).integrity.map((error) => error.problem)
    assert.deepStrictEqual(errors(driver.events), [])
    assert.deepStrictEqual(errors(driver.events.toSpliced(3, 1)), [`its parent ${ulid(4)} is missing`])
    assert.include(errors(driver.events.slice(1)), "no feature-created event")
    const [first, second] = driver.events as [LoadedEvent, LoadedEvent]
    assert.deepStrictEqual(errors([...driver.events, { ...second, at: "2027-01-01T00:00:00Z" }]), [
      `two different events have the id ${ulid(2)}`
    ])
    assert.include(errors([{ ...first, parents: [second.id] }, second])[0] ?? "", "ancestor of its own parent")
    const state = fold(driver.events.slice(1), {}, {})
    assert.strictEqual(decide(state, standardPolicy, now).rule, "L1")
  })
})

describe("T9: order and clock do not matter", () => {
  const planned = new Driver(standardPolicy)
  planned.until("materialise-tasks")
  property(
    "within a lease, outside of freezes, time changes nothing",
    [Random.eventSet, Random.artifacts, Random.observed, Random.policy, fc.nat({ max: 1_000_000_000 })],
    (events, artifacts, observed, policy, later) => {
      const state = fold(events, artifacts, observed)
      assert.deepStrictEqual(decide(state, policy, now + later), decide(state, policy, now))
    }
  )
  property(
    "the order of tasks in the plan changes neither facts nor choice",
    [fc.shuffledSubarray([1, 2, 3, 4], { minLength: 4 })],
    (order) => {
      const driver = planned.copy()
      driver.plan = order.map((n) => ({
        id: `task-00${n}`,
        title: `T${n}`,
        deps: [],
        covers: [],
        writes: [`src/${n}`],
        verify: []
      }))
      const { batch, taskId } = driver.until("implement-task")
      assert.deepStrictEqual([taskId, batch], ["task-001", ["task-002", "task-003", "task-004"]])
    }
  )
})

describe("T10: unread facts", () => {
  const anyFacts = fc.record(
    Object.fromEntries(factNames.map((name) => [name, fc.constantFrom<unknown>(...factDomains[name])]))
  ) as unknown as fc.Arbitrary<Facts>
  property("cannot change a decision", [anyFacts, anyFacts], (facts, other) => {
    const decision = classify(facts)
    const read = new Set(decision.facts.map(({ fact }) => fact))
    const changed = { ...other, ...Object.fromEntries([...read].map((fact) => [fact, facts[fact]])) }
    assert.deepStrictEqual(JSON.parse(JSON.stringify(classify(changed))), JSON.parse(JSON.stringify(decision)))
  })
})

type Facts = ReturnType<typeof derive>

const strictness: ReadonlyArray<GateMode> = ["off", "auto", "agent", "human"]

/** A policy that is at least as strict in everything. */
const stricter = (policy: Policy, raise: Iterator<number>): Policy => {
  const up = () => (raise.next().value as number) > 0.5
  const gates = Object.fromEntries(
    gateNames.map((gate) => [
      gate,
      up() ? strictness[Math.min(3, strictness.indexOf(policy.gates[gate]) + 1)] : policy.gates[gate]
    ])
  )
  return {
    ...policy,
    gates: gates as Policy["gates"],
    separationOfDuties: policy.separationOfDuties || up(),
    waive: up() ? (policy.waive === "agent" ? "human" : "off") : policy.waive,
    reviewers: policy.reviewers + (up() ? 1 : 0),
    blockSeverity: up() ? "low" : policy.blockSeverity,
    maxAttempts: up() ? 1 : policy.maxAttempts,
    maxRework: up() ? 1 : policy.maxRework,
    autonomy: up() ? "confirm" : policy.autonomy,
    freeze: up() ? [{ from: "2026-01-01T00:00:00Z", until: "2026-02-01T00:00:00Z" }] : policy.freeze
  }
}

/** Every gate before the merge stands open and the merge is approved. */
const landable = (facts: Facts): boolean =>
  classify({ ...facts, phase: "merge", merge: "idle", lease: "none", attempts: "ok", rework: "ok" }).action === "merge"

describe("T11: a stricter policy never permits a merge that a laxer one forbids", () => {
  let both = 0
  property(
    "over features close to their merge",
    [nearlyMerged, Random.policy, fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true }))],
    (driver, lax, raise) => {
      const strict = stricter(lax, raise)
      const state = driver.state
      const permits = (policy: Policy) => landable(derive(state, policy, now))
      if (permits(strict)) {
        both++
        assert.isTrue(permits(lax))
      }
    }
  )
  it("has seen merges that both permit", () => assert.isAbove(both, 0))
})

describe("T12: evidence is monotone", () => {
  const depth = (facts: Facts) => {
    const below = floor(facts)
    return below === undefined ? 10 : phaseIndex[below]
  }
  const fresh = { id: "fresh", type: "human" as const }
  const ground = fc.oneof(
    fc.record({ events: Random.eventSet, artifacts: Random.artifacts, observed: Random.observed }),
    nearlyMerged.map(({ artifacts, events, observed }) => ({ events, artifacts, observed }))
  )
  property(
    "adding a valid approval, green CI, a clean audit or evidence never lowers the floor",
    [ground, Random.policy, fc.nat({ max: 5 })],
    ({ artifacts, events, observed }, policy, which) => {
      const state = fold(events, artifacts, observed)
      const { ci: _, ...without } = observed
      const tree = observed.head?.tree ?? ""
      const gate = documentKinds[which % 4] ?? "spec"
      const { subject, upstream } = subjectOf(state, gate)
      const additions = [
        { type: "verdict" as const, actor: fresh, data: { gate, subject, upstream, verdict: "approve" as const } },
        {
          type: "verdict" as const,
          actor: fresh,
          data: { gate: "human-review" as const, subject: tree, verdict: "approve" as const }
        },
        {
          type: "verdict" as const,
          actor: fresh,
          data: { gate: "uat" as const, subject: tree, verdict: "approve" as const }
        },
        { type: "ci-recorded" as const, actor: fresh, data: { tree, sha: "s", run: "9", status: "passed" as const } },
        { type: "audit-recorded" as const, actor: fresh, data: { tree, findings: [], valid: true } },
        { type: "review-recorded" as const, actor: fresh, data: { tree, verdict: "approve" as const, findings: [] } }
      ]
      const addition = additions[which] as (typeof additions)[number]
      const before = {
        ...derive(fold(events, artifacts, without), policy, now),
        phase: "released" as const,
        merge: "idle" as const
      }
      const after = {
        ...derive(fold(append(events, addition as LoadedEvent), artifacts, without), policy, now),
        phase: "released" as const,
        merge: "idle" as const
      }
      assert.isAtLeast(depth(after), depth(before), `${addition.type} lowered the floor`)
    }
  )
})

describe("T13: approvals bind", () => {
  property(
    "an approval by an author, or on another hash, never makes a document approved",
    [Random.eventSet, Random.artifacts, Random.policy, fc.constantFrom(...documentKinds), fc.boolean()],
    (events, artifacts, policy, kind, byAuthor) => {
      const dutiful = { ...policy, separationOfDuties: true }
      const before = fold(
        append(events, {
          type: "artifact-submitted",
          actor: human,
          data: { kind, hash: artifacts[kind]?.hash ?? "md1:a", upstream: {} }
        } as unknown as LoadedEvent),
        artifacts,
        {}
      )
      const { subject, upstream } = subjectOf(before, kind)
      const verdict = { gate: kind, subject: byAuthor ? subject : "md1:other", upstream, verdict: "approve" as const }
      const more = [
        ...events,
        {
          v: 1,
          id: ulid(900),
          parents: [],
          at: "2026-01-14T00:00:00Z",
          actor: human,
          type: "artifact-submitted",
          data: { kind, hash: artifacts[kind]?.hash ?? "md1:a", upstream: {} }
        }
      ] as ReadonlyArray<LoadedEvent>
      const after = fold(
        [
          ...more,
          {
            v: 1,
            id: ulid(901),
            parents: [ulid(900)],
            at: "2026-01-14T00:00:01Z",
            actor: byAuthor ? human : secondHuman,
            type: "verdict",
            data: verdict
          } as LoadedEvent
        ],
        artifacts,
        {}
      )
      if (documentState(before, dutiful, kind) !== "approved")
        assert.notStrictEqual(documentState(after, dutiful, kind), "approved")
    }
  )
  it("needs a signature that holds when the policy has a keyring", () => {
    const driver = new Driver(standardPolicy)
    driver.until("approve-spec")
    driver.verdict("spec")
    const last = driver.events.pop() as LoadedEvent
    const stateWith = (trusted: boolean): FeatureState =>
      fold([...driver.events, { ...last, trusted }], driver.artifacts, driver.observed)
    assert.strictEqual(documentState(stateWith(true), standardPolicy, "spec"), "approved")
    assert.strictEqual(documentState(stateWith(false), standardPolicy, "spec"), "submitted")
    assert.deepStrictEqual(stateWith(false).untrusted, [last.id])
  })
})

describe("T14: idempotency keys", () => {
  const parts = fc.record({
    rule: fc.constantFrom("I4", "I3"),
    via: fc.constantFrom(undefined, "S1"),
    subjects: fc.array(fc.constantFrom("a", "b", "a b", 'a","b'), { maxLength: 3 })
  })
  property("are equal iff rule and subjects are", [parts, parts], (a, b) => {
    const same = a.rule === b.rule && a.via === b.via && JSON.stringify(a.subjects) === JSON.stringify(b.subjects)
    assert.strictEqual(keyOf("f", a.rule, a.via, a.subjects) === keyOf("f", b.rule, b.via, b.subjects), same)
  })
  property(
    "of decisions follow from rule and subjects alone",
    [Random.eventSet, Random.artifacts, Random.observed, Random.policy],
    (events, artifacts, observed, policy) => {
      const state = fold(events, artifacts, observed)
      const decision = decide(state, policy, now)
      assert.strictEqual(
        decision.idempotencyKey,
        keyOf(state.feature.id, decision.rule, decision.via, decision.subjects)
      )
      // Events that have no bearing on the decision leave the key as it is.
      const noted = fold(
        append(events, { type: "cost-recorded", actor: author, data: { cost: {} } } as unknown as LoadedEvent),
        artifacts,
        observed
      )
      assert.strictEqual(decide(noted, policy, now).idempotencyKey, decision.idempotencyKey)
    }
  )
  it("stay the same over a crash and change with a recorded outcome", () => {
    const driver = new Driver(standardPolicy)
    const first = driver.until("run-ci")
    assert.strictEqual(driver.next().idempotencyKey, first.idempotencyKey)
    driver.push("ci-recorded", { tree: driver.observed.head?.tree ?? "", sha: "s", run: "1", status: "infra" })
    assert.strictEqual(driver.next().action, "run-ci")
    assert.notStrictEqual(driver.next().idempotencyKey, first.idempotencyKey)
  })
  it("never repeat along a feature's way, so that no step is taken for done before it began", () => {
    const driver = new Driver(standardPolicy)
    driver.until("review-code")
    driver.push("claim-released", { reason: "preempted" })
    driver.until("audit")
    driver.write("spec", "edited")
    driver.until("verify-release", 120)
    driver.push("release-unhealthy", { deploy: driver.state.release.deploy ?? "", check: "GET /" })
    driver.until("none", 120)
    const keys = driver.steps
      .filter((step) => step.kind === "do" || step.kind === "move")
      .map((step) => step.idempotencyKey)
    assert.isAbove(keys.length, 60)
    assert.strictEqual(new Set(keys).size, keys.length)
  })
})

describe("T15: several features", () => {
  const slugs = ["a", "b", "c", "d", "e"]
  const graph = fc.tuple(
    ...slugs.map(() =>
      fc.record({
        deps: fc.subarray(slugs),
        phase: fc.constantFrom("draft" as const, "merge" as const, "released" as const),
        lifecycle: fc.constantFrom("active" as const, "active" as const, "cancelled" as const)
      })
    )
  )
  property(
    "every cycle of unreleased features shows as a cycle, and without one some feature can go on",
    [graph],
    (features) => {
      const nodes = features.map((feature, i) => ({ slug: slugs[i] as string, ...feature }))
      const statuses = dependencyStatuses(nodes)
      const of = (slug: string) => Object.values(statuses[slug] ?? {})
      const waiting = nodes.filter((node) => node.phase !== "released" && node.lifecycle === "active")
      const stuck = waiting.filter(
        (node) =>
          of(node.slug).includes("unmet") && !of(node.slug).some((status) => status === "cycle" || status === "dead")
      )
      // Whoever merely waits, waits for somebody who can go on, or whose trouble a person is told about.
      for (const node of stuck)
        assert.isTrue(
          waiting.some(
            (other) =>
              !of(other.slug).includes("unmet") ||
              of(other.slug).some((status) => status === "cycle" || status === "dead")
          ),
          node.slug
        )
      for (const node of nodes)
        for (const [dep, status] of Object.entries(statuses[node.slug] ?? {})) {
          const other = nodes.find((candidate) => candidate.slug === dep)
          assert.strictEqual(status === "met", other?.phase === "released")
        }
    }
  )
  it("two features that wait for each other are both a person's to resolve", () => {
    const nodes = [
      { slug: "a", deps: ["b"], phase: "planned" as const, lifecycle: "active" as const },
      { slug: "b", deps: ["a"], phase: "planned" as const, lifecycle: "active" as const }
    ]
    const statuses = dependencyStatuses(nodes)
    assert.deepStrictEqual(statuses, { a: { b: "cycle" }, b: { a: "cycle" } })
    const driver = new Driver(standardPolicy, { deps: ["b"] })
    driver.observed = { ...driver.observed, deps: statuses["a"] ?? {} }
    assert.deepInclude(driver.next(), {
      rule: "H7",
      action: "resolve-dependency",
      reason: "A dependency is dead or cyclic: b cycle"
    })
  })
  it("slots go round: with one slot, four features all get their turn", () => {
    const policy: Policy = { ...standardPolicy, wip: 1 }
    const drivers = Array.from({ length: 4 }, () => new Driver(policy))
    const finished = () =>
      drivers.filter((driver) => driver.state.phase === "released" && driver.next().rule === "Z3").length
    for (let round = 0; round < 250 && finished() < drivers.length; round++) {
      for (const driver of drivers) {
        const used = drivers.filter((other) => other !== driver && other.state.claim !== undefined).length
        assert.isAtMost(drivers.filter((other) => other.state.claim !== undefined).length, 1)
        driver.observed = { ...driver.observed, wip: { used } }
        if (!["wait-slot", "none"].includes(driver.next().action)) driver.step()
      }
    }
    assert.strictEqual(finished(), drivers.length)
  })
})
