/**
 * What was seen of a project's resources as conditions: one for each resource, `DomainReady` for the names of an environment, `Ready` for
 * all of it. And what is to be made again: not what held data, as an empty one would hide the loss. Pure.
 */
import { certificateType, type Condition } from "../../domain/Condition.ts"
import type { StepChange } from "../../domain/Operation.ts"
import type { ProjectStatus } from "../../domain/Project.ts"

/** How one resource is: what a sync would do about it, or that it cannot be told. */
export interface Seen {
  /** `database`, or of an environment `dns.staging`. */
  readonly key: string
  readonly kind: string
  /** Name of the environment; null = the project's. */
  readonly environment: string | null
  /** `unavailable`: not offered here. `unseen`: its provider cannot look. `unobservable`: it cannot be looked at now. */
  readonly change: StepChange | "unavailable" | "unseen" | "unobservable"
  /** In a sentence. */
  readonly reason: string
  readonly dependsOn: ReadonlyArray<string>
  /** Its record says that it was there, and that it holds what cannot be made again. */
  readonly precious: boolean
}

const isWrong = ({ change }: Seen): boolean => change === "create" || change === "update"

export interface Decision {
  /** Keys of what is made again. */
  readonly repair: ReadonlySet<string>
  /** Keys of what a person decides about. */
  readonly ask: ReadonlySet<string>
  /** Kinds that a repair leaves alone. */
  readonly leftOut: ReadonlySet<string>
}

/**
 * `consented`: kinds that a person wants made anew, empty. What depends on something that a person decides about waits for it, as it does
 * for what is somebody else's or cannot be seen now.
 */
export const decide = (all: ReadonlyArray<Seen>, consented: ReadonlySet<string>): Decision => {
  const ask = new Set(
    all.filter((one) => one.change === "create" && one.precious && !consented.has(one.kind)).map(({ key }) => key)
  )
  const unsure = all.filter(({ change }) => change === "conflict" || change === "unobservable")
  const held = new Set([...ask, ...unsure.map(({ key }) => key)])
  for (let grew = true; grew;) {
    grew = false
    for (const { dependsOn, key } of all)
      if (!held.has(key) && dependsOn.some((before) => held.has(before))) {
        held.add(key)
        grew = true
      }
  }
  // A repair takes all cells of a kind, or none.
  const leftOut = new Set(all.filter(({ key }) => held.has(key)).map(({ kind }) => kind))
  return {
    ask,
    leftOut,
    repair: new Set(all.filter((one) => isWrong(one) && !leftOut.has(one.kind)).map(({ key }) => key))
  }
}

type Told = Omit<Condition, "timeMillis">
const told = (type: string, status: Condition["status"], reason: string, message: string): Told => ({
  type,
  status,
  reason,
  message
})

const ofSeen = (one: Seen, decision: Decision, name: string, repairing: string | null): Told => {
  const { change, key, kind, reason } = one
  if (change === "unobservable") return told(kind, "unknown", "Unobservable", reason)
  if (change === "unseen") return told(kind, "unknown", "Unseen", reason)
  if (change === "unavailable") return told(kind, "unknown", "Unavailable", reason)
  if (change === "conflict") return told(kind, "false", "Foreign", reason)
  if (decision.ask.has(key))
    return told(
      kind,
      "false",
      "Lost",
      `the ${kind} is gone, with all that it held: restore it from a backup, or have an empty one made with \`rdev projects sync ${name} --make ${kind}\``
    )
  if (!isWrong(one)) return told(kind, "true", "Present", reason)
  if (decision.repair.has(key) && repairing !== null)
    return told(kind, "false", "Repairing", `${reason}: operation ${repairing} makes it again`)
  return told(
    kind,
    "false",
    change === "create" ? "Missing" : "Drifted",
    `${reason}: it is made again with \`rdev projects sync ${name}\`, once what it waits for is there`
  )
}

const all = (type: string, of: ReadonlyArray<Told>): Told => {
  const wrong = of.filter(({ status }) => status === "false")
  const [first] = wrong
  if (first !== undefined)
    return told(
      type,
      "false",
      first.reason,
      `${wrong.map((one) => one.type).join(", ")}: ${first.message}${wrong.length === 1 ? "" : ` (and ${wrong.length - 1} more)`}`
    )
  const unseen = of.filter(({ reason, status }) => status === "unknown" && reason === "Unobservable")
  return unseen.length > 0
    ? told(type, "unknown", "Unobservable", `${unseen.map((one) => one.type).join(", ")}: ${unseen[0]?.message ?? ""}`)
    : told(type, "true", type === "Ready" ? "AllPresent" : "Present", "everything is there")
}
const names: ReadonlySet<string> = new Set(["dns", "tls"])

/** What is told of an environment: its own resources, whether its names work, and all together. */
const ofPlace = (seen: ReadonlyArray<Told>): ReadonlyArray<Told> => {
  const domain = seen.filter(({ type }) => names.has(type))
  return [all("Ready", seen), ...(domain.length === 0 ? [] : [all("DomainReady", domain)]), ...seen]
}

export interface Conditions {
  readonly project: ReadonlyArray<Told>
  readonly environments: ReadonlyMap<string, ReadonlyArray<Told>>
}

/** `repairing`: the operation that makes again what is to be. `components`: why they are not known, or null. */
export const of = (
  seen: ReadonlyArray<Seen>,
  decision: Decision,
  name: string,
  repairing: string | null,
  components: { readonly reason: string; readonly message: string } | null
): Conditions => {
  const tell = (one: Seen) => ofSeen(one, decision, name, repairing)
  const places = Map.groupBy(seen, ({ environment }) => environment)
  const environments = new Map(
    [...places].flatMap(([place, here]) => (place === null ? [] : [[place, ofPlace(here.map(tell))] as const]))
  )
  const own = [
    components === null
      ? told("Components", "true", "Read", "the components of the default branch are known")
      : told("Components", "false", components.reason, components.message),
    ...(places.get(null) ?? []).map(tell)
  ]
  const whole = [...own, ...[...environments].map(([place, [ready]]) => ({ ...(ready as Told), type: place }))]
  return { project: [all("Ready", whole), ...own], environments }
}

const isSame = (one: Told, other: Told): boolean =>
  one.type === other.type && one.status === other.status && one.reason === other.reason && one.message === other.message

/** With the times since when each has its status, and what others tell. The same list again when nothing is different. */
export const merged = (
  before: ReadonlyArray<Condition>,
  seen: ReadonlyArray<Told>,
  nowMillis: number
): ReadonlyArray<Condition> => {
  const next = [...seen, ...before.filter(({ type }) => type === certificateType)]
  const known = new Map(before.map((one) => [one.type, one]))
  const same =
    before.length === next.length && next.every((one, i) => isSame(one, before[i] ?? one) && before[i] !== undefined)
  if (same) return before
  return next.map((one) => {
    const was = known.get(one.type)
    return { ...one, timeMillis: was?.status === one.status ? was.timeMillis : nowMillis }
  })
}

/** Those that are others now. What is found as it should be at the first look is no change. */
export const changes = (before: ReadonlyArray<Condition>, next: ReadonlyArray<Condition>): ReadonlyArray<Condition> =>
  next.filter(
    (one) =>
      (before.length > 0 || one.status === "false") &&
      !before.some((was) => was.type === one.type && was.status === one.status && was.reason === one.reason)
  )

const under: Partial<Record<ProjectStatus, string>> = {
  provisioning: "its infrastructure is being made or repaired",
  deleting: "it is being deleted",
  damaged: "its record cannot be read"
}

/** As people are shown them: what is under way counts more than what was seen before. */
export const shown = (
  project: {
    readonly status: ProjectStatus
    readonly operationId: string | null
    readonly conditions?: ReadonlyArray<Condition>
  },
  sinceMillis: number
): ReadonlyArray<Condition> => {
  const conditions = project.conditions ?? []
  const why = under[project.status]
  if (why === undefined) return conditions
  const message = project.operationId === null ? why : `${why}: it waits for operation ${project.operationId}`
  const reason = project.status.charAt(0).toUpperCase() + project.status.slice(1)
  return [
    { ...told("Ready", "false", reason, message), timeMillis: sinceMillis },
    ...conditions.filter(({ type }) => type !== "Ready")
  ]
}
