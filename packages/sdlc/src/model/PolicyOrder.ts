/**
 * Which of two policies demands more, field by field. `stricter` answers with the policy that demands, of every feature, whatever
 * its kind and preset, at least what either demands; `changes` says what another policy would make weaker or stricter.
 *
 * Promises: `stricter` is idempotent and commutative, and is never laxer than either side. With presets it may demand a little
 * more than the strictest of both, never less. Plain data in and out; nothing is read or written.
 */
import { canonicalJson } from "./Digest.ts"
import { gateNames } from "./Names.ts"
import { own } from "./Own.ts"
import type { Cost, FreezeWindow, GateMode, KeyringEntry, Policy, PolicyPatch } from "./Policy.ts"

type Meet<A> = (a: A, b: A) => A

const ranked =
  <A extends string>(laxFirst: ReadonlyArray<A>): Meet<A> =>
  (a, b) =>
    laxFirst.indexOf(a) >= laxFirst.indexOf(b) ? a : b
const least: Meet<number> = (a, b) => Math.min(a, b)
const most: Meet<number> = (a, b) => Math.max(a, b)
const same = (a: unknown, b: unknown): boolean => a === b || canonicalJson(a) === canonicalJson(b)
const byText = <A>(list: ReadonlyArray<A>): ReadonlyArray<A> =>
  [...new Map(list.map((one) => [canonicalJson(one), one] as const))]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, one]) => one)

const mode = ranked<GateMode>(["off", "auto", "agent", "human"])

/** Every cap of either; of two, the lower. A missing one is no bound. */
const budget: Meet<Cost> = (a, b) => {
  const caps = (["usd", "tokens", "agentMinutes"] as const).flatMap((name) => {
    const values = [a[name], b[name]].filter((value) => value !== undefined)
    return values.length === 0 ? [] : [[name, Math.min(...values)] as const]
  })
  return Object.fromEntries(caps)
}

const freeze: Meet<ReadonlyArray<FreezeWindow>> = (a, b) => (same(a, b) ? a : byText([...a, ...b]))

/** Nobody's signature counts. An empty keyring would mean the opposite: that none is asked for. */
export const nobody: KeyringEntry = { id: "nobody", ed25519: "A".repeat(43), principals: [] }

/** The first entry of an id is the one that counts. */
const effective = (keyring: ReadonlyArray<KeyringEntry>) =>
  new Map(keyring.toReversed().map((entry) => [entry.id, entry] as const))

const speaksFor = (a: KeyringEntry, b: KeyringEntry): KeyringEntry => {
  const { id, ed25519 } = a
  if (a.principals === undefined && b.principals === undefined) return { id, ed25519 }
  const [all = [], some] = a.principals === undefined ? [b.principals] : [a.principals, b.principals]
  return { id, ed25519, principals: byText(all.filter((name) => some === undefined || some.includes(name))) }
}

/** Only signatures that count under both count. */
const keyring: Meet<ReadonlyArray<KeyringEntry>> = (a, b) => {
  if (same(a, b) || b.length === 0) return a
  if (a.length === 0) return b
  const [mine, theirs] = [effective(a), effective(b)]
  const both = [...mine.values()]
    .flatMap((entry) => {
      const other = theirs.get(entry.id)
      return other?.ed25519 === entry.ed25519 ? [speaksFor(entry, other)] : []
    })
    .filter((entry) => entry.principals === undefined || entry.principals.length > 0)
  return both.length === 0 ? [nobody] : byText(both)
}

/** What a patch may hold besides gates. */
type Scalars = Required<Omit<PolicyPatch, "gates">>
type ScalarName = keyof Scalars
const scalars: { readonly [K in ScalarName]: Meet<Scalars[K]> } = {
  separationOfDuties: (a, b) => a || b,
  waive: ranked(["agent", "human", "off"]),
  reviewers: most,
  // Findings of this severity or above block: the lower one blocks more.
  blockSeverity: ranked(["critical", "high", "medium", "low", "info"]),
  maxAttempts: least,
  maxRework: least,
  wip: least,
  budget,
  autonomy: ranked(["auto", "confirm"]),
  freeze,
  // Released only when it is live and healthy, instead of when it is merged.
  deploy: ranked(["none", "required"])
}

/** One thing that a policy and a preset say something about: how it is read, written and compared. */
interface Field {
  readonly name: string
  readonly of: (policy: PolicyPatch) => unknown
  readonly meet: Meet<unknown>
  readonly patch: (patch: PolicyPatch, value: unknown) => PolicyPatch
}
const fields: ReadonlyArray<Field> = [
  ...gateNames.map((gate): Field => ({
    name: `gates.${gate}`,
    of: (policy) => policy.gates?.[gate],
    meet: mode as Meet<unknown>,
    patch: (patch, value) => ({ ...patch, gates: { ...patch.gates, [gate]: value as GateMode } })
  })),
  ...(Object.keys(scalars) as ReadonlyArray<ScalarName>).map((name): Field => ({
    name,
    of: (policy) => policy[name],
    meet: scalars[name] as Meet<unknown>,
    patch: (patch, value) => ({ ...patch, [name]: value })
  }))
]

/** The most that a preset which says nothing about a field can leave in force: the policy's own, or what another preset under it says. */
const inherited = (policy: Policy, preset: string, { meet, of }: Field): unknown =>
  Object.keys(policy.presets)
    .filter((name) => name !== preset)
    .reduce((found: unknown, name) => {
      const said = of(own(policy.presets, name) ?? {})
      return said === undefined ? found : meet(found, said)
    }, of(policy))

const presetNames = (a: Policy, b: Policy): ReadonlyArray<string> =>
  [...new Set([...Object.keys(a.presets), ...Object.keys(b.presets)])].toSorted()

const preset = (a: Policy, b: Policy, name: string): PolicyPatch =>
  fields.reduce((patch: PolicyPatch, field) => {
    const [mine, theirs] = [field.of(own(a.presets, name) ?? {}), field.of(own(b.presets, name) ?? {})]
    if (mine === undefined && theirs === undefined) return patch
    return field.patch(patch, field.meet(mine ?? inherited(a, name, field), theirs ?? inherited(b, name, field)))
  }, {})

/** The policy that demands what either demands. */
export const stricter = (a: Policy, b: Policy): Policy => {
  if (same(a, b)) return a
  const base = fields.reduce(
    (patch: PolicyPatch, field) => field.patch(patch, field.meet(field.of(a), field.of(b))),
    {}
  )
  const presets = Object.fromEntries(presetNames(a, b).map((name) => [name, preset(a, b, name)] as const))
  return { ...a, ...(base as Omit<Policy, "keyring" | "presets">), keyring: keyring(a.keyring, b.keyring), presets }
}

export interface PolicyChange {
  /** e.g. `gates.spec`, `wip`, `presets.lean.gates.merge`. */
  readonly field: string
  /** As JSON; null = nothing is said, and what lies under it holds. */
  readonly from: string | null
  readonly to: string | null
  /** `mixed`: some of it is weaker and some stricter. */
  readonly effect: "weaker" | "stricter" | "mixed"
}

/** Lists without their order. */
const alike = (a: unknown, b: unknown): boolean =>
  Array.isArray(a) && Array.isArray(b) ? same(byText(a), byText(b)) : same(a, b)

const effectOf = (meet: Meet<unknown>, from: unknown, to: unknown): PolicyChange["effect"] => {
  const both = meet(from, to)
  const [isFrom, isTo] = [alike(both, from), alike(both, to)]
  return isTo ? "stricter" : isFrom ? "weaker" : "mixed"
}
const shown = (value: unknown): string | null => (value === null ? null : canonicalJson(value))

/** What `to` changes against `from`, in the order of the fields. */
export const changes = (from: Policy, to: Policy): ReadonlyArray<PolicyChange> => {
  const found: Array<PolicyChange> = []
  const say = (field: string, meet: Meet<unknown>, a: unknown, b: unknown, saidA: unknown = a, saidB: unknown = b) => {
    if (!same(saidA, saidB)) found.push({ field, from: shown(saidA), to: shown(saidB), effect: effectOf(meet, a, b) })
  }
  for (const field of fields) say(field.name, field.meet, field.of(from), field.of(to))
  say("keyring", keyring as Meet<unknown>, from.keyring, to.keyring)
  for (const name of presetNames(from, to)) {
    for (const field of fields) {
      const [a, b] = [field.of(own(from.presets, name) ?? {}), field.of(own(to.presets, name) ?? {})]
      say(
        `presets.${name}.${field.name}`,
        field.meet,
        a ?? inherited(from, name, field),
        b ?? inherited(to, name, field),
        a ?? null,
        b ?? null
      )
    }
  }
  return found
}
