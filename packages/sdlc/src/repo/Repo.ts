/**
 * Feature state as a pure function of a tree of files, and every change to it as files to write.
 *
 * Promises: loading never throws; a file that is corrupt or forged is named with the reason and never half-read, and a
 * feature with such a file shows no phase beyond draft; two branches that both added events load to the same state in any
 * order of merging. Does not touch a disk: `Disk` and the platform's git do.
 */
import type { Artifacts } from "../model/Artifact.ts"
import type { EventData, EventType, FeatureEvent, LoadedEvent } from "../model/FeatureEvent.ts"
import type { IntegrityError } from "../model/Observed.ts"
import type { Policy } from "../model/Policy.ts"
import { standardPolicy } from "../model/Presets.ts"
import type { Principal } from "../model/Principal.ts"
import * as Chain from "./Chain.ts"
import * as Decode from "./Decode.ts"
import { sha256 } from "./Digest.ts"
import * as Documents from "./Documents.ts"
import * as FeatureFile from "./FeatureFile.ts"
import * as Layout from "./Layout.ts"
import * as PolicyFile from "./PolicyFile.ts"
import * as Trust from "./Trust.ts"
import * as Ulid from "./Ulid.ts"

export type Files = Documents.Files
export type { Document } from "./Documents.ts"

export interface Write {
  /** Relative to the repository, with `/`. */
  readonly path: string
  readonly content: string
}

export interface Loaded {
  readonly slug: string
  /** `null` when feature.yaml is missing or does not decode. */
  readonly feature: FeatureFile.FeatureFile | null
  /** In the one order of their chain. All readable events are here, also when the feature is corrupt: for showing, never for deciding. */
  readonly events: ReadonlyArray<LoadedEvent>
  /** Parents of the next event. */
  readonly heads: ReadonlyArray<FeatureEvent>
  readonly documents: Documents.Documents
  readonly artifacts: Artifacts
  readonly policy: Policy
  /** Digests of the evidence files whose content fits their name. */
  readonly evidence: ReadonlyArray<string>
  readonly integrity: "ok" | "corrupt"
  readonly errors: ReadonlyArray<IntegrityError>
  /** What does not count, without being corrupt: unsigned or wrongly signed events under a keyring. */
  readonly warnings: ReadonlyArray<IntegrityError>
}

const restore = "restore the file from git (git log -- <file>), or ask the platform to repair the feature."

const text = (files: Files, path: string): Decode.Decoded<string> => {
  const content = files.get(path)
  if (content === undefined) return Decode.bad("missing")
  if (content.length > Layout.maxStateBytes) return Decode.bad(`larger than ${Layout.maxStateBytes} bytes`)
  return Decode.text(content)
}

/** The policy of the tree. A tree without the file is an error, because the defaults may be laxer than what was agreed. */
export const loadPolicy = (
  files: Files
): { readonly policy: Policy; readonly errors: ReadonlyArray<IntegrityError> } => {
  const found = text(files, Layout.policyPath)
  const parsed = found._tag === "Bad" ? found : PolicyFile.parse(found.value)
  if (parsed._tag === "Ok") return { policy: parsed.value, errors: [] }
  const fix =
    parsed.problem === "missing" ? "run sdlc init, or restore the file from git." : PolicyFile.fixFor(parsed.problem)
  return { policy: standardPolicy, errors: [{ file: Layout.policyPath, problem: parsed.problem, fix }] }
}

/** What to do about a folder that does not carry its feature's name, or `null` when that is not the problem. */
const renamed = (slug: string, problem: string): string | null => {
  const was = /^slug: "([a-z0-9-]+)" is not the name/.exec(problem)?.[1]
  return was === undefined
    ? null
    : `a feature keeps the name of its folder: git mv ${Layout.featureDir(slug).slice(0, -1)} ${Layout.featureDir(was).slice(0, -1)} (remove it when it is a copy; a new name is a new feature: sdlc new).`
}

const loadFeature = (files: Files, slug: string): Decode.Decoded<FeatureFile.FeatureFile> => {
  const found = text(files, Layout.featurePath(slug))
  const parsed = found._tag === "Bad" ? found : FeatureFile.parse(found.value)
  if (parsed._tag === "Ok" && parsed.value.slug !== slug)
    return Decode.bad(`slug: "${parsed.value.slug}" is not the name of its folder`)
  return parsed
}

/** One event file: its name, its bytes and its content must agree. */
const loadEvent = (files: Files, path: string): Decode.Decoded<FeatureEvent> => {
  const name = Layout.parseEventName(path.slice(path.lastIndexOf("/") + 1))
  if (name === null) return Decode.bad("its name is not <ulid>-<type>.json")
  const found = text(files, path)
  const parsed = found._tag === "Bad" ? found : Decode.json(found.value)
  const decoded = parsed._tag === "Bad" ? parsed : Decode.event(parsed.value)
  if (decoded._tag === "Ok" && (decoded.value.id !== name.id || decoded.value.type !== name.type)) {
    return Decode.bad(`its name says ${name.id}-${name.type}, its content ${decoded.value.id}-${decoded.value.type}`)
  }
  return decoded
}

interface Log {
  readonly events: ReadonlyArray<LoadedEvent>
  readonly heads: ReadonlyArray<FeatureEvent>
  readonly errors: ReadonlyArray<IntegrityError>
  readonly warnings: ReadonlyArray<IntegrityError>
}

const loadLog = (files: Files, slug: string, paths: ReadonlyArray<string>, policy: Policy): Log => {
  const errors: Array<IntegrityError> = []
  const events: Array<FeatureEvent> = []
  const seen = new Map<string, string>()
  for (const path of paths) {
    const decoded = loadEvent(files, path)
    if (decoded._tag === "Bad") {
      errors.push({ file: path, problem: decoded.problem, fix: restore })
      continue
    }
    const earlier = seen.get(decoded.value.id)
    if (earlier !== undefined)
      errors.push({ file: path, problem: `its id already belongs to ${earlier}`, fix: restore })
    else events.push(decoded.value)
    seen.set(decoded.value.id, path)
  }
  const ordered = Chain.order(events)
  const pathOf = (id: string): string => seen.get(id) ?? Layout.eventPath(slug, id, "event")
  for (const broken of ordered.broken)
    errors.push({ file: pathOf(broken.id), problem: `hash chain: ${broken.problem}`, fix: restore })
  const warnings: Array<IntegrityError> = []
  const judged = ordered.events.map((event) => {
    const result = Trust.judge(event, policy.keyring)
    if (result.problem !== null)
      warnings.push({
        file: pathOf(event.id),
        problem: `does not count: ${result.problem}`,
        fix: "record it through the platform, which signs it."
      })
    return result.event
  })
  return { events: judged, heads: ordered.heads, errors, warnings }
}

const checkIdentity = (
  feature: FeatureFile.FeatureFile,
  slug: string,
  events: ReadonlyArray<FeatureEvent>
): ReadonlyArray<IntegrityError> => {
  const created = events.filter((event) => event.type === "feature-created")
  const own = created.find((event) => event.id === feature.id)
  const file = Layout.featurePath(slug)
  if (own === undefined)
    return [{ file, problem: `id: no feature-created event has the id ${feature.id}`, fix: restore }]
  const others = created.filter((event) => event.id !== feature.id)
  return others.map((event) => ({
    file: Layout.eventPath(slug, event.id, event.type),
    problem: `the feature was created by ${feature.id}; a second creation does not belong to it`,
    fix: "remove the file, or move it to a feature of its own."
  }))
}

/** The digest of evidence stored under a name. */
const loadEvidence = (
  files: Files,
  paths: ReadonlyArray<string>
): { readonly evidence: ReadonlyArray<string>; readonly errors: ReadonlyArray<IntegrityError> } => {
  const evidence: Array<string> = []
  const errors: Array<IntegrityError> = []
  for (const path of paths) {
    const named = Layout.parseEvidenceName(path.slice(path.lastIndexOf("/") + 1))
    const actual = sha256(files.get(path) ?? "")
    if (named === actual) evidence.push(`sha256:${actual}`)
    else
      errors.push({
        file: path,
        problem: named === null ? "its name is not <sha256>.intoto.json" : `its content has the digest ${actual}`,
        fix: restore
      })
  }
  return { evidence, errors }
}

const below = (files: Files, dir: string): ReadonlyArray<string> =>
  [...files.keys()].filter((path) => path.startsWith(dir) && !path.slice(dir.length).startsWith(".")).toSorted()

export interface LoadOptions {
  /** The policy to hold the feature to, when the tree's own copy must not be believed (it may come from an agent's branch). */
  readonly policy?: Policy
}

type Core = Omit<Loaded, "documents" | "artifacts" | "evidence">

/** Identity and events alone, without documents and evidence: what listing many features needs. */
export const loadEvents = (files: Files, slug: string, options: LoadOptions = {}): Core => {
  const { policy, errors: policyErrors } =
    options.policy === undefined ? loadPolicy(files) : { policy: options.policy, errors: [] }
  if (!Layout.slugPattern.test(slug)) {
    const error = {
      file: Layout.featuresDir,
      problem: `feature: "${slug.slice(0, 80)}" is not a slug`,
      fix: "use lower-case letters, digits and hyphens, at most 63 characters."
    }
    return { slug, feature: null, events: [], heads: [], policy, integrity: "corrupt", errors: [error], warnings: [] }
  }
  const identity = loadFeature(files, slug)
  const feature = identity._tag === "Ok" ? identity.value : null
  const log = loadLog(files, slug, below(files, `${Layout.featureDir(slug)}events/`), policy)
  const identityErrors =
    identity._tag === "Ok"
      ? []
      : [
          {
            file: Layout.featurePath(slug),
            problem: identity.problem,
            fix:
              identity.problem === "missing"
                ? "create the feature with sdlc new, or restore the file from git."
                : (renamed(slug, identity.problem) ?? restore)
          }
        ]
  const errors = [
    ...policyErrors,
    ...identityErrors,
    ...log.errors,
    ...(feature === null || log.errors.length > 0 ? [] : checkIdentity(feature, slug, log.events))
  ]
  return {
    slug,
    feature,
    events: log.events,
    heads: log.heads,
    policy,
    integrity: errors.length === 0 ? "ok" : "corrupt",
    errors,
    warnings: log.warnings
  }
}

const formRules = (policy: Policy) => ({ language: policy.language, requirementForm: policy.lint?.requirementForm })

/** The documents of one feature alone, from a tree that holds its folder and, for imported features, its foreign sources. */
export const loadDocuments = (files: Files, slug: string, policy: Policy): Documents.Documents => {
  if (!Layout.slugPattern.test(slug)) return {}
  const identity = loadFeature(files, slug)
  return Documents.load(files, slug, identity._tag === "Ok" ? identity.value.sources : undefined, formRules(policy))
}

/** What one feature's spec says about the living specs, from a tree that holds its identity, its spec and what that is read from. */
export const loadSpecChanges = (files: Files, slug: string): ReturnType<typeof Documents.specChanges> => {
  const identity = loadFeature(files, slug)
  return Documents.specChanges(files, slug, identity._tag === "Ok" ? identity.value.sources : undefined)
}

/** Loads one feature from a tree that holds at least `.sdlc/policy.yaml`, its folder and, for imported features, its foreign sources. */
export const load = (files: Files, slug: string, options: LoadOptions = {}): Loaded => {
  const core = loadEvents(files, slug, options)
  if (!Layout.slugPattern.test(slug)) return { ...core, documents: {}, artifacts: {}, evidence: [] }
  const proof = loadEvidence(files, below(files, `${Layout.featureDir(slug)}evidence/`))
  const documents = Documents.load(files, slug, core.feature?.sources, formRules(core.policy))
  const errors = [...core.errors, ...proof.errors]
  return {
    ...core,
    documents,
    artifacts: Documents.artifacts(documents),
    evidence: proof.evidence,
    integrity: errors.length === 0 ? "ok" : "corrupt",
    errors
  }
}

/** Slugs of all features in the tree, sorted; whatever is in their folders. */
export const listFeatures = (files: Files): ReadonlyArray<string> => {
  const slugs = new Set<string>()
  for (const path of files.keys()) {
    if (!path.startsWith(Layout.featuresDir)) continue
    const at = path.indexOf("/", Layout.featuresDir.length)
    if (at > 0) slugs.add(path.slice(Layout.featuresDir.length, at))
  }
  return [...slugs].filter((slug) => Layout.slugPattern.test(slug)).toSorted()
}

/** Paths outside the feature's folder that `load` also reads for it. */
export const sourcePaths = (loaded: Loaded): ReadonlyArray<string> => [
  ...new Set(Object.values(loaded.documents).flatMap((document) => document.paths))
]

/** When and by whom something is recorded; the same stamp gives the same file. */
export interface Stamp {
  readonly actor: Principal
  /** Unix milliseconds. */
  readonly timeMillis: number
  /** At least 10 random bytes, fresh for every event. */
  readonly random: Uint8Array
  /** Signs the event; needed for everything but an agent's own words once the policy has a keyring. */
  readonly key?: Trust.SigningKey
}

export type Draft = { readonly [T in EventType]: { readonly type: T; readonly data: EventData<T> } }[EventType]

export interface Appended extends Write {
  readonly event: FeatureEvent
  /** The feature with the event, for appending the next one. Documents are as they were. */
  readonly loaded: Loaded
}

/** Text of an event file: sorted keys, two spaces, one line end, so that equal events are equal files. */
export const printEvent = (event: FeatureEvent): string => `${JSON.stringify(sortKeys(event), null, 2)}\n`

const sortKeys = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sortKeys)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.keys(value)
      .toSorted()
      .map((key) => [key, sortKeys((value as Record<string, unknown>)[key])])
  )
}

/**
 * The file that records one event after everything known so far. Throws a `RangeError` that names the field when the data
 * does not fit the event's schema; nothing is written here, so nothing has changed.
 */
export const appendEvent = (loaded: Loaded, draft: Draft, stamp: Stamp): Appended => {
  const id = Ulid.make(stamp.timeMillis, stamp.random)
  const raw = {
    v: 1,
    id,
    parents: loaded.heads.map((head) => head.id).toSorted(),
    ...(loaded.heads.length === 0 ? {} : { chain: Chain.chainOf(loaded.heads) }),
    actor: stamp.actor,
    type: draft.type,
    at: new Date(stamp.timeMillis).toISOString(),
    data: draft.data
  }
  const decoded = Decode.event(JSON.parse(JSON.stringify(raw)))
  if (decoded._tag === "Bad") throw new RangeError(`${draft.type}: ${decoded.problem}`)
  const event = stamp.key === undefined ? decoded.value : Trust.sign(decoded.value, stamp.key)
  const judged = Trust.judge(event, loaded.policy.keyring).event
  return {
    path: Layout.eventPath(loaded.slug, id, draft.type),
    content: printEvent(event),
    event,
    loaded: { ...loaded, events: [...loaded.events, judged], heads: [event] }
  }
}

export interface NewFeature {
  readonly slug: string
  readonly title: string
  readonly kind: "feature" | "bugfix" | "refactor" | "hotfix"
  readonly deps?: ReadonlyArray<string>
  readonly preset?: string
  readonly sources?: FeatureFile.Sources
}

/** Files of a new feature: its identity and the event of its creation. Throws a `RangeError` on a bad or taken slug. */
export const createFeature = (
  files: Files,
  feature: NewFeature,
  stamp: Stamp
): { readonly writes: ReadonlyArray<Write>; readonly loaded: Loaded } => {
  if (!Layout.slugPattern.test(feature.slug))
    throw new RangeError(
      `slug: "${feature.slug.slice(0, 80)}" must be lower-case letters, digits and hyphens between them, at most 63 characters`
    )
  const dir = Layout.featureDir(feature.slug)
  if ([...files.keys()].some((path) => path === Layout.featurePath(feature.slug) || path.startsWith(`${dir}events/`)))
    throw new RangeError(`slug: "${feature.slug}" is taken`)
  const { policy } = loadPolicy(files)
  const { slug, title, kind, deps, preset } = feature
  const blank: Loaded = {
    ...load(files, slug),
    policy,
    events: [],
    heads: [],
    errors: [],
    warnings: [],
    integrity: "ok"
  }
  const created = appendEvent(
    blank,
    {
      type: "feature-created",
      data: { slug, title, kind, ...(preset === undefined ? {} : { preset }), ...(deps === undefined ? {} : { deps }) }
    },
    stamp
  )
  const identity: FeatureFile.FeatureFile = {
    v: 1,
    id: created.event.id,
    slug,
    title,
    kind,
    created: created.event.at,
    ...(feature.sources === undefined ? {} : { sources: feature.sources })
  }
  const writes = [
    { path: Layout.featurePath(slug), content: FeatureFile.print(identity) },
    { path: created.path, content: created.content }
  ]
  const after = new Map(files)
  for (const write of writes) after.set(write.path, write.content)
  return { writes, loaded: load(after, slug) }
}

/** Files a project needs once; those that exist are left alone. */
export const initProject = (files: Files): ReadonlyArray<Write> =>
  [
    { path: Layout.policyPath, content: PolicyFile.template },
    { path: Layout.ignorePath, content: "cache/\n" }
  ].filter((write) => !files.has(write.path))

/** An in-toto Statement v1 as an evidence file, named by the digest of its bytes. */
export const evidenceFile = (slug: string, statement: unknown): Write & { readonly digest: string } => {
  const content = `${JSON.stringify(sortKeys(statement), null, 2)}\n`
  const digest = sha256(content)
  return { path: Layout.evidencePath(slug, digest), content, digest: `sha256:${digest}` }
}
