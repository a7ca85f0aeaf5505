/** Random features for property tests: sensible events in an order that never happened, by anybody, about anything. */
import fc from "fast-check"
import type { Artifact, Artifacts, DocumentKind } from "../../src/model/Artifact.ts"
import type { EventData, EventType, LoadedEvent } from "../../src/model/FeatureEvent.ts"
import { documentKinds } from "../../src/model/Names.ts"
import type { Observed } from "../../src/model/Observed.ts"
import { phases } from "../../src/model/Phase.ts"
import type { Policy } from "../../src/model/Policy.ts"
import { standardPolicy } from "../../src/model/Presets.ts"
import type { Principal } from "../../src/model/Principal.ts"
import { author, ci, human, platform, reviewer, secondHuman, task, ulid } from "./Driver.ts"

export const principal: fc.Arbitrary<Principal> = fc.constantFrom(human, secondHuman, author, reviewer, platform, ci)

const hash = fc.constantFrom("md1:a", "md1:b")
const tree = fc.constantFrom("git:one", "git:two")
const kind = fc.constantFrom(...documentKinds)
const upstream = fc.record({
  spec: fc.constantFrom(null, "md1:a", "md1:b"),
  design: fc.constantFrom(null, "md1:a", "md1:b")
})
const taskId = fc.constantFrom("task-001", "task-002", "task-003", "task-101")
const phase = fc.constantFrom(...phases)
const finding = fc.record({
  id: fc.constantFrom("F1", "F2"),
  severity: fc.constantFrom("low" as const, "high" as const),
  title: fc.constant("x")
})

type Draft = { readonly [T in EventType]: { readonly type: T; readonly data: EventData<T> } }[EventType]

const draft = <T extends EventType>(type: T, data: fc.Arbitrary<EventData<T>>): fc.Arbitrary<Draft> =>
  data.map((value) => ({ type, data: value }) as Draft)

const verdicts = fc.oneof(
  draft(
    "verdict",
    fc.record({
      gate: kind,
      subject: hash,
      upstream,
      verdict: fc.constantFrom("approve" as const, "approve" as const, "reject" as const, "waive" as const),
      reason: fc.constant("because")
    })
  ),
  draft(
    "verdict",
    fc.record({
      gate: fc.constantFrom("human-review" as const, "uat" as const, "merge" as const),
      subject: tree,
      verdict: fc.constantFrom("approve" as const, "reject" as const)
    })
  )
)

export const eventDraft: fc.Arbitrary<Draft> = fc.oneof(
  { weight: 3, arbitrary: draft("artifact-submitted", fc.record({ kind, hash, upstream })) },
  { weight: 5, arbitrary: verdicts },
  {
    weight: 3,
    arbitrary: draft(
      "phase-moved",
      fc.record({ from: phase, to: phase, rule: fc.constantFrom("S8", "P2", "M10"), reason: fc.constant("") })
    )
  },
  draft("paused", fc.constant({ reason: "later" })),
  draft("resumed", fc.constant({})),
  draft("cancelled", fc.constant({ reason: "no" })),
  draft("claim-taken", fc.constant({})),
  draft("claim-released", fc.constant({})),
  draft("branch-provisioned", fc.constant({ branch: "b" })),
  draft(
    "tasks-materialised",
    fc.record({ planHash: fc.constantFrom(null, "md1:a"), tasks: fc.subarray([task(1), task(2), task(3, [1])]) })
  ),
  draft(
    "fix-tasks-added",
    fc.record({
      origin: fc.constantFrom("review" as const, "ci" as const),
      tasks: fc.constantFrom([task(101)], [task(3), task(101)])
    })
  ),
  draft("task-started", fc.record({ task: taskId })),
  draft("task-claimed", fc.record({ task: taskId })),
  draft("task-verified", fc.record({ task: taskId, evidence: fc.constant("sha256:aa") })),
  draft("task-failed", fc.record({ task: taskId, reason: fc.constant("red") })),
  draft("task-blocked", fc.record({ task: taskId, reason: fc.constant("key") })),
  draft("pr-opened", fc.record({ number: fc.constantFrom(1, 2) })),
  draft("pr-closed", fc.record({ number: fc.constantFrom(1, 2) })),
  draft("ci-started", fc.record({ tree, sha: fc.constant("s"), run: fc.constantFrom("1", "2") })),
  {
    weight: 2,
    arbitrary: draft(
      "ci-recorded",
      fc.record({
        tree,
        sha: fc.constant("s"),
        run: fc.constantFrom("1", "2"),
        status: fc.constantFrom("passed" as const, "passed" as const, "failed" as const, "infra" as const)
      })
    )
  },
  {
    weight: 2,
    arbitrary: draft(
      "review-recorded",
      fc.record({ tree, verdict: fc.constantFrom("approve" as const, "changes" as const), findings: fc.constant([]) })
    )
  },
  draft("thread-opened", fc.record({ thread: fc.constantFrom("t1", "t2") })),
  draft("thread-resolved", fc.record({ thread: fc.constantFrom("t1", "t2") })),
  {
    weight: 2,
    arbitrary: draft(
      "audit-recorded",
      fc.record({ tree, findings: fc.array(finding, { maxLength: 2 }), valid: fc.boolean() })
    )
  },
  draft(
    "finding-disposed",
    fc.record({
      finding: fc.constantFrom("F1", "F2"),
      disposition: fc.constantFrom("fix" as const, "track" as const, "accept" as const),
      reason: fc.constant("r")
    })
  ),
  {
    weight: 2,
    arbitrary: draft(
      "qa-recorded",
      fc.record({
        tree,
        checks: fc.constantFrom(
          [],
          [{ id: "SC-001", status: "passed" as const, evidence: "sha256:bb" }],
          [{ id: "SC-001", status: "failed" as const }]
        )
      })
    )
  },
  draft("merge-queued", fc.constant({ sha: "s" })),
  draft("merge-ejected", fc.constant({ reason: "red" })),
  draft("merged", fc.constant({ sha: "s", outOfBand: false })),
  draft("deploy-started", fc.constant({ deploy: "d", sha: "s", environment: "e" })),
  draft(
    "deploy-recorded",
    fc.record({ deploy: fc.constant("d"), status: fc.constantFrom("succeeded" as const, "failed" as const) })
  ),
  draft("release-verified", fc.constant({ deploy: "d" })),
  draft("incident-opened", fc.constant({ incident: "i", cause: "c" })),
  draft("escalation-opened", fc.constant({ escalation: "e", question: "q", rule: "G2" })),
  draft("escalation-answered", fc.constant({ escalation: "e", answer: "a" })),
  draft(
    "blocker-opened",
    fc.record({
      blocker: fc.constant("b"),
      needs: fc.constantFrom("human" as const, "agent" as const),
      reason: fc.constant("r")
    })
  ),
  draft("blocker-cleared", fc.constant({ blocker: "b" })),
  draft(
    "attempt-recorded",
    fc.record({ rule: fc.constantFrom("S1", "I4"), outcome: fc.constantFrom("succeeded" as const, "failed" as const) })
  ),
  draft("cost-recorded", fc.record({ cost: fc.record({ usd: fc.constantFrom(1, 2) }) }))
)

const at = (n: number): string => new Date(Date.parse("2026-01-01T00:00:00Z") + n * 1000).toISOString()

const created = (): LoadedEvent => ({
  v: 1,
  id: ulid(1),
  parents: [],
  actor: human,
  type: "feature-created",
  at: at(1),
  data: { slug: "demo", title: "Demo", kind: "feature" }
})

/** Gives drafts ids and parents; the parents are the heads of a history that forks and joins by chance. */
export const eventSet: fc.Arbitrary<ReadonlyArray<LoadedEvent>> = fc
  .array(fc.record({ draft: eventDraft, actor: principal, back: fc.nat({ max: 3 }) }), { maxLength: 25 })
  .map((drafts) => {
    const events: Array<LoadedEvent> = [created()]
    for (const { actor, back, draft: one } of drafts) {
      const n = events.length + 1
      const parent = events[Math.max(0, events.length - 1 - back)] as LoadedEvent
      events.push({ v: 1, id: ulid(n), parents: [parent.id], actor, at: at(n), ...one } as LoadedEvent)
    }
    return events
  })

const artifact = (kindOf: DocumentKind): fc.Arbitrary<Artifact> =>
  fc.record({
    kind: fc.constant(kindOf),
    hash: fc.constantFrom(null, "md1:a", "md1:a", "md1:b"),
    lint: fc.constantFrom([], [], [{ rule: "x", severity: "error" as const, message: "m" }]),
    openQuestions: fc.constantFrom(0, 0, 0, 1)
  })

export const artifacts: fc.Arbitrary<Artifacts> = fc.record({
  spec: artifact("spec"),
  design: artifact("design"),
  tasks: artifact("tasks"),
  "qa-plan": artifact("qa-plan")
})

export const observed: fc.Arbitrary<Observed> = fc.record(
  {
    head: fc.record({ sha: fc.constant("s"), tree }),
    branch: fc.record({
      relation: fc.constantFrom("none" as const, "ok" as const, "behind" as const, "conflict" as const)
    }),
    wip: fc.record({ used: fc.nat({ max: 5 }) }),
    lease: fc.record({ holder: fc.constant("w"), until: fc.constant("2026-02-01T00:00:00Z") }),
    ci: fc.record({
      tree,
      status: fc.constantFrom("running" as const, "passed" as const, "failed" as const, "infra" as const)
    }),
    pr: fc.record({
      number: fc.constantFrom(1, 2),
      state: fc.constantFrom("open" as const, "closed" as const, "merged" as const)
    })
  },
  { requiredKeys: ["head"] }
)

export const mode = fc.constantFrom("human" as const, "agent" as const, "auto" as const, "off" as const)

const gateModes = fc.record(
  Object.fromEntries(Object.keys(standardPolicy.gates).map((gate) => [gate, mode]))
) as fc.Arbitrary<Policy["gates"]>

export const policy: fc.Arbitrary<Policy> = fc
  .record({
    gates: gateModes,
    separationOfDuties: fc.boolean(),
    waive: fc.constantFrom("human" as const, "agent" as const, "off" as const),
    reviewers: fc.constantFrom(1, 2),
    blockSeverity: fc.constantFrom("low" as const, "high" as const),
    maxAttempts: fc.constantFrom(1, 3),
    maxRework: fc.constantFrom(1, 3),
    wip: fc.constantFrom(1, 3),
    budget: fc.constantFrom({}, { usd: 3 }),
    autonomy: fc.constantFrom("auto" as const, "confirm" as const),
    deploy: fc.constantFrom("required" as const, "none" as const)
  })
  .map((part) => ({ ...standardPolicy, presets: {}, ...part }))
