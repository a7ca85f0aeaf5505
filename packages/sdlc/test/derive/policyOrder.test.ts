import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { canonicalJson } from "../../src/model/Digest.ts"
import { gateNames, type Policy, type PolicyPatch } from "../../src/model/Policy.ts"
import { changes, nobody, stricter } from "../../src/model/PolicyOrder.ts"
import { policyFor, standardPolicy } from "../../src/model/Presets.ts"

const mode = fc.constantFrom("off", "auto", "agent", "human" as const)
const gates = Object.fromEntries(gateNames.map((gate) => [gate, mode]))
const instant = fc.constantFrom("2030-01-01T00:00:00Z", "2030-06-01T00:00:00Z", "2031-01-01T00:00:00Z")
const small = fc.integer({ min: 1, max: 5 })
const scalars = {
  separationOfDuties: fc.boolean(),
  waive: fc.constantFrom("human", "agent", "off"),
  reviewers: small,
  blockSeverity: fc.constantFrom("info", "low", "medium", "high", "critical"),
  maxAttempts: small,
  maxRework: small,
  wip: small,
  budget: fc.record({ usd: small, tokens: small, agentMinutes: small }, { requiredKeys: [] }),
  autonomy: fc.constantFrom("auto", "confirm"),
  freeze: fc.array(
    fc.record(
      { from: instant, until: instant, reason: fc.constantFrom("a", "b") },
      { requiredKeys: ["from", "until"] }
    ),
    { maxLength: 3 }
  ),
  deploy: fc.constantFrom("required", "none")
}
const key = fc.record(
  {
    id: fc.constantFrom("platform", "ada", "bob"),
    ed25519: fc.constantFrom("k1", "k2"),
    principals: fc.subarray(["ada", "bob", "eve"])
  },
  { requiredKeys: ["id", "ed25519"] }
)
const patch = fc.record(
  { gates: fc.record(gates, { requiredKeys: [] }), ...scalars },
  { requiredKeys: [] }
) as unknown as fc.Arbitrary<PolicyPatch>
const presets = fc.dictionary(fc.constantFrom("feature", "bugfix", "hotfix", "lean", "__proto__"), patch, {
  maxKeys: 4
})
const policy = fc.record({
  gates: fc.record(gates),
  ...scalars,
  keyring: fc.array(key, { maxLength: 3 }),
  presets
}) as unknown as fc.Arbitrary<Policy>

const order: Readonly<Record<string, ReadonlyArray<unknown>>> = {
  gate: ["off", "auto", "agent", "human"],
  waive: ["agent", "human", "off"],
  blockSeverity: ["critical", "high", "medium", "low", "info"],
  autonomy: ["auto", "confirm"],
  deploy: ["none", "required"],
  separationOfDuties: [false, true]
}
const counts = (of: Policy, id: string, ed25519: string, who: string): boolean => {
  if (of.keyring.length === 0) return true
  const entry = of.keyring.find((one) => one.id === id)
  return entry?.ed25519 === ed25519 && (entry.principals === undefined || entry.principals.includes(who))
}
/** What of `b` the policy `a` does not demand; written independently of the code under test. */
const missing = (a: Policy, b: Policy): ReadonlyArray<string> => {
  const rank = (name: string, value: unknown) => order[name]?.indexOf(value) ?? -1
  const found: Array<string> = gateNames.filter((gate) => rank("gate", a.gates[gate]) < rank("gate", b.gates[gate]))
  for (const name of ["waive", "blockSeverity", "autonomy", "deploy", "separationOfDuties"] as const)
    if (rank(name, a[name]) < rank(name, b[name])) found.push(name)
  for (const name of ["maxAttempts", "maxRework", "wip"] as const) if (a[name] > b[name]) found.push(name)
  if (a.reviewers < b.reviewers) found.push("reviewers")
  for (const cap of ["usd", "tokens", "agentMinutes"] as const)
    if ((a.budget[cap] ?? Infinity) > (b.budget[cap] ?? Infinity)) found.push(`budget.${cap}`)
  for (const window of b.freeze)
    if (!a.freeze.some((one) => canonicalJson(one) === canonicalJson(window))) found.push("freeze")
  for (const id of ["platform", "ada", "bob", "nobody"])
    for (const ed25519 of ["k1", "k2", nobody.ed25519])
      for (const who of ["ada", "bob", "eve", "zoe"])
        if (counts(a, id, ed25519, who) && !counts(b, id, ed25519, who)) found.push(`keyring ${id}/${ed25519}/${who}`)
  return found
}
const features = (["feature", "bugfix", "refactor", "hotfix"] as const).flatMap((kind) =>
  [undefined, "lean", "hotfix", "__proto__", "unknown"].map((preset) => ({
    kind,
    ...(preset === undefined ? {} : { preset })
  }))
)

describe("the stricter of two policies", () => {
  it("demands of every kind and preset what either demands", () => {
    fc.assert(
      fc.property(policy, policy, (a, b) => {
        const both = stricter(a, b)
        for (const feature of features)
          for (const side of [a, b])
            assert.deepStrictEqual(
              missing(policyFor(both, feature), policyFor(side, feature)),
              [],
              JSON.stringify(feature)
            )
      }),
      { numRuns: 300 }
    )
  })

  it("is the same in either order, and of a policy with itself that policy", () => {
    fc.assert(
      fc.property(policy, policy, (a, b) => {
        assert.strictEqual(canonicalJson(stricter(a, b)), canonicalJson(stricter(b, a)))
        assert.strictEqual(stricter(a, a), a)
        assert.strictEqual(canonicalJson(stricter(a, structuredClone(a))), canonicalJson(a))
      }),
      { numRuns: 300 }
    )
  })

  it("stays above both when a third comes in, and is no more than the one that is above the other", () => {
    fc.assert(
      fc.property(policy, policy, policy, (a, b, c) => {
        const all = stricter(stricter(a, b), c)
        for (const feature of features.slice(0, 3))
          for (const side of [a, b, c])
            assert.deepStrictEqual(missing(policyFor(all, feature), policyFor(side, feature)), [])
        const bare = (one: Policy): Policy => ({ ...one, presets: {} })
        const above = stricter(bare(a), bare(b))
        assert.deepStrictEqual(
          missing(bare(a), stricter(above, bare(a))).length === 0,
          missing(bare(a), above).length === 0
        )
      }),
      { numRuns: 100 }
    )
  })

  it("leaves nobody's signature counting where none counts under both, instead of asking for none", () => {
    const trusting = (...keyring: Policy["keyring"]): Policy => ({ ...standardPolicy, keyring })
    const one = trusting({ id: "platform", ed25519: "k1" })
    assert.deepStrictEqual(stricter(one, trusting({ id: "platform", ed25519: "k2" })).keyring, [nobody])
    assert.deepStrictEqual(stricter(one, trusting()).keyring, one.keyring)
    assert.deepStrictEqual(stricter(stricter(one, trusting({ id: "x", ed25519: "k2" })), one).keyring, [nobody])
  })
})

describe("what another policy changes", () => {
  it("is named by field, with what it does", () => {
    const to: Policy = {
      ...standardPolicy,
      gates: { ...standardPolicy.gates, spec: "auto", tasks: "human" },
      wip: 2,
      budget: { usd: 3 },
      keyring: [{ id: "a", ed25519: "k" }],
      presets: { ...standardPolicy.presets, lean: { gates: { merge: "auto" } } }
    }
    const said = new Map(changes(standardPolicy, to).map(({ effect, field }) => [field, effect]))
    for (const [field, effect] of [
      ["gates.spec", "weaker"],
      ["gates.tasks", "stricter"],
      ["wip", "stricter"],
      ["budget", "stricter"],
      ["keyring", "stricter"],
      ["presets.lean.gates.design", "stricter"]
    ] as const)
      assert.strictEqual(said.get(field), effect, field)
    assert.deepStrictEqual(
      changes(to, standardPolicy).find(({ field }) => field === "keyring"),
      { field: "keyring", from: '[{"ed25519":"k","id":"a"}]', to: "[]", effect: "weaker" }
    )
    assert.strictEqual(changes(standardPolicy, { ...standardPolicy, budget: { usd: 3 } })[0]?.effect, "stricter")
  })

  it("is nothing for the same policy, and never only stricter where something is lost", () => {
    fc.assert(
      fc.property(policy, policy, (a, b) => {
        assert.deepStrictEqual(changes(a, structuredClone(a)), [])
        const weakens = changes(a, b).some(({ effect }) => effect !== "stricter")
        if (!weakens)
          for (const feature of features)
            assert.deepStrictEqual(
              missing(policyFor(b, feature), policyFor(a, feature)),
              [],
              JSON.stringify(changes(a, b))
            )
      }),
      { numRuns: 300 }
    )
  })
})
