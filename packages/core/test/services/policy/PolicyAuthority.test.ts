import { assert, describe, it } from "@effect/vitest"
import { changes } from "@rdev/sdlc/model/Policy"
import { policyRev, standardPolicy } from "@rdev/sdlc/model/Presets"
import { entryOf, generate, signingKey } from "@rdev/sdlc/repo/Trust"
import { Effect, Layer, Option } from "effect"
import { ofProject } from "../../../src/domain/Event.ts"
import * as NewId from "../../../src/ids/NewId.ts"
import { PolicyEntry } from "../../../src/domain/PolicyEntry.ts"
import { ProjectName } from "../../../src/domain/Project.ts"
import * as MemoryEventLog from "../../../src/memory/stores/EventLog.ts"
import * as EventLog from "../../../src/ports/stores/EventLog.ts"
import * as MemoryForge from "../../../src/memory/infra/Forge.ts"
import { BranchName } from "../../../src/ports/infra/Forge.ts"
import { GitObjects } from "../../../src/ports/infra/GitObjects.ts"
import { RepositoryHost } from "../../../src/ports/infra/RepositoryHost.ts"
import * as MemoryNotifier from "../../../src/memory/stores/Notifier.ts"
import * as MemoryPolicyStore from "../../../src/memory/stores/PolicyStore.ts"
import * as PolicyStore from "../../../src/ports/stores/PolicyStore.ts"
import { PlatformKey } from "../../../src/services/features/act/PlatformKey.ts"
import { RepositoryReader } from "../../../src/services/features/read/RepositoryReader.ts"
import * as PolicyAuthority from "../../../src/services/policy/PolicyAuthority.ts"
import * as PolicySeal from "../../../src/services/policy/PolicySeal.ts"

const main = BranchName.make("main")
const policyPath = ".sdlc/policy.yaml"
const key = signingKey("platform", generate().privatePem)
const keyring = `keyring:\n  - id: platform\n    ed25519: ${entryOf(key).ed25519}\n`
const template = `v: 1\ngates: { spec: agent, merge: human }\nwip: 3\n${keyring}`
const ada = { id: "key_ada", name: "ada", type: "human" as const }

const stores = Layer.mergeAll(MemoryEventLog.layer, MemoryForge.layer, MemoryNotifier.layer, MemoryPolicyStore.layer)
const layer = RepositoryReader.layer.pipe(Layer.provideMerge(stores))

/** A repository with a policy; `seeded`: as a project of this version begins. */
const place = Effect.fnUntraced(function* (seeded = true) {
  const [git, repositories] = [yield* GitObjects, yield* RepositoryHost]
  const id = yield* NewId.make("proj")
  const target = { projectId: id, name: ProjectName.make(`p${id.slice(-12).toLowerCase()}`) }
  const files = [{ path: policyPath, content: template }]
  yield* repositories.ensure(target, { defaultBranch: main, files, message: "start" })
  if (seeded) yield* PolicyAuthority.seed(id, files)
  const standing = Effect.gen(function* () {
    return yield* PolicyAuthority.standing(id, target, Option.getOrThrow(yield* git.head(target, main)))
  })
  const write = Effect.fnUntraced(function* (content: string | null, branch = main) {
    yield* git.ensureBranch(target, branch, Option.getOrThrow(yield* git.head(target, main)))
    yield* git.commit(target, {
      branch,
      expectedHead: Option.getOrThrow(yield* git.head(target, branch)),
      changes: [{ path: policyPath, content }],
      message: "policy",
      author: { name: "m", email: "m@example.test" }
    })
  })
  const events = Effect.map(
    Effect.flatMap(EventLog.EventLog, (log) => log.read(ofProject(id), 0, 100)),
    (page) => page.events.map((event) => event.type)
  )
  const accept = Effect.fnUntraced(function* () {
    const now = yield* standing
    yield* PolicyAuthority.say(
      id,
      now.entries.at(-1)?.number ?? 0,
      { word: "accepted", digest: now.written.digest, text: now.written.text, reason: null },
      ada
    )
  })
  return { id, target, standing, write, events, accept }
})
const test = (what: string, run: Effect.Effect<void, unknown, Layer.Success<typeof layer>>) =>
  it.effect(what, () => run.pipe(Effect.provide(layer), Effect.provideService(PlatformKey, key)))

describe("the policy in force", () => {
  test(
    "is the template's from the start, signed by the platform",
    Effect.gen(function* () {
      const { standing } = yield* place()
      const now = yield* standing
      assert.strictEqual(now.policy.gates.spec, "agent")
      assert.isNull(now.proposal)
      assert.strictEqual(now.accepted?.by.id, "platform")
      assert.isTrue(PolicySeal.isSealed(now.accepted as PolicyEntry, key))
    })
  )

  test(
    "takes what another demands more, and leaves what it demands less until it is accepted",
    Effect.gen(function* () {
      const { accept, events, standing, write } = yield* place()
      yield* write(`v: 1\ngates: { spec: human, merge: off }\nwip: 1\n${keyring}`)
      const proposed = yield* standing
      assert.deepStrictEqual(
        [proposed.policy.gates.spec, proposed.policy.gates.merge, proposed.policy.wip],
        ["human", "human", 1]
      )
      assert.deepStrictEqual(
        proposed.proposal?.weakens.map(({ field }) => field),
        ["gates.merge"]
      )
      assert.deepStrictEqual(
        proposed.proposal?.strengthens.map(({ field }) => field),
        ["gates.spec", "wip"]
      )
      yield* standing
      assert.deepStrictEqual(yield* events, ["policy.proposed"])
      yield* accept()
      const accepted = yield* standing
      assert.strictEqual(accepted.policy.gates.merge, "off")
      assert.isNull(accepted.proposal)
    })
  )

  test(
    "goes back to the accepted one when the proposal does, or cannot be read",
    Effect.gen(function* () {
      const { standing, write } = yield* place()
      const before = (yield* standing).rev
      for (const content of [
        null,
        "gates: [",
        "v: 1\nsurprise: 1\n",
        `# ${"x".repeat(300_000)}`,
        `# only a comment\n${template}`,
        template
      ]) {
        yield* write(content)
        assert.strictEqual((yield* standing).rev, before, String(content).slice(0, 40))
      }
      assert.isNull((yield* standing).proposal)
    })
  )

  test(
    "is not what a feature's branch says",
    Effect.gen(function* () {
      const { standing, write } = yield* place()
      const before = yield* standing
      yield* write("v: 1\ngates: { spec: off, merge: off }\n", BranchName.make("feature/own"))
      assert.deepStrictEqual(yield* standing, before)
    })
  )

  test(
    "keeps the platform's key, and takes nobody else's in",
    Effect.gen(function* () {
      const { standing, write } = yield* place()
      for (const ring of [
        "keyring: []",
        "keyring:\n  - id: eve\n    ed25519: k",
        "keyring:\n  - id: platform\n    ed25519: k",
        `${keyring}  - id: eve\n    ed25519: k`
      ]) {
        yield* write(`v: 1\ngates: { spec: agent, merge: human }\nwip: 3\n${ring}\n`)
        const now = yield* standing
        assert.deepStrictEqual(now.policy.keyring, [entryOf(key)], ring)
      }
    })
  )

  test(
    "believes no acceptance that the platform did not sign",
    Effect.gen(function* () {
      const { id, standing, write } = yield* place()
      yield* write("v: 1\ngates: { spec: off, merge: off, human-review: off }\n")
      const now = yield* standing
      const forged = new PolicyEntry({
        projectId: id,
        number: (now.entries.at(-1)?.number ?? 0) + 1,
        word: "accepted",
        digest: now.written.digest,
        text: now.written.text,
        by: ada,
        reason: null,
        atMillis: 0,
        signature: null
      })
      const store = yield* PolicyStore.PolicyStore
      yield* store.append(forged)
      const after = yield* standing
      assert.isNull(after.accepted)
      assert.deepStrictEqual(
        changes(standardPolicy, after.policy).filter(({ effect }) => effect !== "stricter"),
        [],
        "nothing is laxer than the standard policy"
      )
      const other = PolicySeal.seal(
        { ...forged, number: (after.entries.at(-1)?.number ?? 0) + 1 },
        signingKey("platform", generate().privatePem)
      )
      yield* store.append(other)
      assert.isNull((yield* standing).accepted)
      for (const field of ["digest", "text", "reason"] as const)
        assert.isFalse(
          PolicySeal.isSealed(new PolicyEntry({ ...PolicySeal.seal(forged, key), [field]: "changed" }), key),
          field
        )
    })
  )

  test(
    "of a project of an earlier version is the one that it has",
    Effect.gen(function* () {
      const { standing, write } = yield* place(false)
      const adopted = yield* standing
      assert.strictEqual(adopted.accepted?.reason, "in force when acceptance was introduced")
      yield* write("v: 1\ngates: { spec: off, merge: off }\n")
      assert.strictEqual((yield* standing).policy.gates.merge, "human")
    })
  )

  test(
    "says each word once when many look at the same time",
    Effect.gen(function* () {
      const { events, standing, write } = yield* place(false)
      const revs = yield* Effect.forEach(Array.from({ length: 8 }), () => Effect.map(standing, ({ rev }) => rev), {
        concurrency: 8
      })
      assert.strictEqual(new Set(revs).size, 1)
      yield* write("v: 1\n")
      yield* Effect.forEach(Array.from({ length: 8 }), () => standing, { concurrency: 8 })
      assert.deepStrictEqual(yield* events, ["policy.proposed"])
      assert.strictEqual((yield* standing).rev, policyRev((yield* standing).policy))
    })
  )
})
