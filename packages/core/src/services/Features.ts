/**
 * Features of projects: created, driven through the life cycle, looked at, and decided about by humans. Everything that is asked
 * for here becomes an event in the feature's repository; the controller does the rest.
 */
import { decide } from "@rdev/sdlc/derive/Decide"
import type { FeatureDecision } from "@rdev/sdlc/model/Decision"
import type { VerdictGate } from "@rdev/sdlc/model/Verdict"
import { slugOf, slugPattern, slugRule } from "@rdev/sdlc/model/Slug"
import * as Repo from "@rdev/sdlc/repo/Repo"
import type { SigningKey } from "@rdev/sdlc/repo/Trust"
import { Clock, Context, Effect, Layer, Option } from "effect"
import { randomBytes } from "node:crypto"
import { FeatureIndex, Slug } from "../domain/FeatureIndex.ts"
import * as NewId from "../ids/NewId.ts"
import { CurrentRequest } from "../domain/Principal.ts"
import type { Project } from "../domain/Project.ts"
import { EventLog } from "../ports/stores/EventLog.ts"
import { FeatureStore } from "../ports/stores/FeatureStore.ts"
import { BranchName, type Sha } from "../ports/infra/Forge.ts"
import { RepositoryHost } from "../ports/infra/RepositoryHost.ts"
import { GitObjects } from "../ports/infra/GitObjects.ts"
import type { PolicyStore } from "../ports/stores/PolicyStore.ts"
import { ProjectStore } from "../ports/stores/ProjectStore.ts"
import { WorkQueue } from "../queue/WorkQueue.ts"
import { AuditStore } from "../ports/stores/AuditStore.ts"
import * as FeatureAudit from "./features/report/FeatureAudit.ts"
import { FeatureError, type FeatureReason } from "./features/report/FeatureError.ts"
import * as FeatureFiles from "./features/read/FeatureFiles.ts"
import * as FeatureTask from "./features/drive/FeatureTask.ts"
import { subjectAt } from "./features/act/Gate.ts"
import { draft } from "./features/act/PlatformActions.ts"
import { PlatformKey } from "./features/act/PlatformKey.ts"
import { RepositoryReader } from "./features/read/RepositoryReader.ts"
import * as Changes from "./features/show/Changes.ts"
import * as Documents from "./features/show/Documents.ts"
import * as PolicyAuthority from "./policy/PolicyAuthority.ts"
import { Redaction } from "./redaction/Redaction.ts"
import * as Wake from "./features/drive/Wake.ts"

export { layer as layerDriver } from "./features/drive/FeatureDriver.ts"

export interface NewFeature {
  readonly title: string
  /** Made from the title when absent. */
  readonly slug?: string
  readonly kind?: "feature" | "bugfix" | "refactor" | "hotfix"
  /** What is wanted and why; becomes `idea.md`, which the first agent reads. */
  readonly description?: string
  /** Slugs of features that must be released first. */
  readonly deps?: ReadonlyArray<string>
  /** A preset of the project's policy, e.g. `lean`. */
  readonly preset?: string
  /** Harness that works on it, instead of the project's. */
  readonly agent?: string
  /** Drive it at once (default), or wait for `run`. */
  readonly start?: boolean
}

/** A feature with what the classifier answers now. */
export interface FeatureView {
  readonly index: FeatureIndex
  readonly decision: FeatureDecision
  readonly standing: PolicyAuthority.PolicyInForce
  /** Head of the default branch, where a proposed policy stands. */
  readonly mainSha: string
}

export interface GivenVerdict {
  readonly verdict: "approve" | "reject" | "waive"
  /** Default: the gate that the feature waits at. */
  readonly gate?: VerdictGate
  readonly reason?: string
  /** Digest of what was looked at: a verdict about something else by now is refused. */
  readonly subject?: string
}

const fail = (operation: string, reason: FeatureReason) =>
  new FeatureError({ operation: `Features.${operation}`, reason })

const validSlug = Effect.fn("Features.validSlug")(function* (spec: NewFeature) {
  const slug = spec.slug ?? slugOf(spec.title)
  if (slugPattern.test(slug)) return Slug.make(slug)
  return yield* fail("create", {
    _tag: "Invalid",
    field: "slug",
    message:
      spec.slug === undefined
        ? `none can be made from the title "${spec.title.slice(0, 80)}"; give one`
        : `expected ${slugRule}`
  })
})

const findProject = Effect.fn("Features.findProject")(function* (operation: string, idOrName: string) {
  const found = yield* ProjectStore.find(idOrName)
  return Option.isSome(found) ? found.value : yield* fail(operation, { _tag: "ProjectNotFound", project: idOrName })
})

const findFeature = Effect.fn("Features.findFeature")(function* (operation: string, idOrName: string, slug: string) {
  const project = yield* findProject(operation, idOrName)
  const index = yield* (yield* FeatureStore).get(project.id, slug)
  return Option.isSome(index)
    ? { project, index: index.value }
    : yield* fail(operation, { _tag: "FeatureNotFound", project: project.name, slug })
})

const loadSnapshot = Effect.fn("Features.loadSnapshot")(function* (operation: string, idOrName: string, slug: string) {
  const { index, project } = yield* findFeature(operation, idOrName, slug)
  const loaded = yield* FeatureFiles.load(project, index, yield* FeatureTask.lease(index))
  if (Option.isNone(loaded)) {
    return yield* fail(operation, {
      _tag: "Corrupt",
      file: `.sdlc/features/${slug}`,
      message: `no branch of ${project.name} holds the feature's files; restore the branch ${FeatureFiles.branchOf(slug)}`
    })
  }
  const decision = decide(loaded.value.state, loaded.value.loaded.policy, yield* Clock.currentTimeMillis)
  return { snapshot: loaded.value, decision }
})

const writable = Effect.fn("Features.writable")(function* (operation: string, idOrName: string, slug: string) {
  const found = yield* loadSnapshot(operation, idOrName, slug)
  const [error] = found.snapshot.loaded.errors
  if (error !== undefined)
    return yield* fail(operation, {
      _tag: "Corrupt",
      file: error.file,
      message: `${error.problem}; repair it before deciding anything`
    })
  return found
})

const speaker = Effect.fn("Features.speaker")(function* (operation: string) {
  const { principal } = yield* CurrentRequest
  if (principal.type === "platform")
    return yield* fail(operation, {
      _tag: "Forbidden",
      message: "a verdict needs a person or an agent as its author; the platform has no say of its own"
    })
  return { id: principal.name, type: principal.type } as const
})

const initialFiles = (
  project: Project,
  slug: string,
  spec: NewFeature,
  files: Repo.Files,
  nowMillis: number,
  key: SigningKey | null
) => {
  const created = Repo.createFeature(
    files,
    {
      slug,
      title: spec.title,
      kind: spec.kind ?? "feature",
      ...(spec.deps === undefined ? {} : { deps: spec.deps }),
      ...(spec.preset === undefined ? {} : { preset: spec.preset })
    },
    {
      actor: FeatureFiles.platformPrincipal,
      timeMillis: nowMillis,
      random: randomBytes(10),
      ...(key === null ? {} : { key })
    }
  )
  const idea = `# ${spec.title}\n\n${(spec.description ?? "").trim() || `(${project.name}: nothing more was said than the title)`}\n`
  return [...created.writes, { path: `.sdlc/features/${slug}/idea.md`, content: idea }]
}

/** They become a branch's name and files of a commit, which nobody could clean: refused, not masked. */
const withoutSecrets = Effect.fnUntraced(function* (project: Project, fields: Readonly<Record<string, string>>) {
  const redactor = yield* (yield* Redaction).of(project.id)
  for (const [field, text] of Object.entries(fields)) {
    if (redactor.holds(text))
      return yield* fail("create", {
        _tag: "Invalid",
        field,
        message: `it holds a secret of ${project.name}, and would stand in a commit: say it without`
      })
  }
})

/**
 * The branch of a new feature, at the head of the default branch. What an earlier attempt left that died before its index row was
 * written (one commit with the feature's own documents) is replaced; somebody's work under that name is theirs.
 */
const freshBranch = Effect.fn("Features.freshBranch")(function* (project: Project, slug: string, head: Sha) {
  const git = yield* GitObjects
  const target = FeatureFiles.targetOf(project)
  const branch = FeatureFiles.branchOf(slug)
  const there = yield* git.head(target, branch)
  if (Option.isSome(there) && there.value !== head) {
    const { ahead } = yield* git.compare(target, BranchName.make(project.defaultBranch), branch)
    const paths = new Set((yield* git.listTree(target, there.value)).map(({ path }) => path))
    const own = `.sdlc/features/${slug}/`
    const isLeftOver = ahead === 1 && paths.has(`${own}feature.yaml`) && paths.has(`${own}idea.md`)
    if (ahead > 0 && !isLeftOver) {
      return yield* fail("create", {
        _tag: "Conflict",
        message: `branch ${branch} of ${project.name} holds ${ahead} commits of somebody's work; rename or delete it, or choose another slug`
      })
    }
    yield* git.deleteBranch(target, branch)
  }
  return yield* git.ensureBranch(target, branch, head)
})

const create = Effect.fn("Features.create")(function* (idOrName: string, spec: NewFeature) {
  const git = yield* GitObjects
  const reader = yield* RepositoryReader
  const store = yield* FeatureStore
  if (spec.title.trim() === "" || spec.title.length > 200)
    return yield* fail("create", { _tag: "Invalid", field: "title", message: "expected 1 to 200 characters" })
  const slug = yield* validSlug(spec)
  const project = yield* findProject("create", idOrName)
  if (project.status !== "ready")
    return yield* fail("create", { _tag: "ProjectNotReady", project: project.name, status: project.status })
  yield* withoutSecrets(project, { slug, title: spec.title, description: spec.description ?? "" })
  if (Option.isSome(yield* store.get(project.id, slug)))
    return yield* fail("create", { _tag: "AlreadyExists", project: project.name, slug })
  for (const dep of spec.deps ?? []) {
    if (Option.isNone(yield* store.get(project.id, dep)))
      return yield* fail("create", { _tag: "Invalid", field: "deps", message: `${project.name} has no feature ${dep}` })
  }
  const target = FeatureFiles.targetOf(project)
  const head = yield* git.head(target, BranchName.make(project.defaultBranch))
  if (Option.isNone(head))
    return yield* fail("create", {
      _tag: "Conflict",
      message: `branch ${project.defaultBranch} of ${project.name} is gone`
    })
  const files = yield* reader.state(target, head.value)
  const presets = Object.keys((yield* PolicyAuthority.standing(project.id, target, head.value)).policy.presets)
  if (spec.preset !== undefined && !presets.includes(spec.preset)) {
    return yield* fail("create", {
      _tag: "Invalid",
      field: "preset",
      message: `the policy of ${project.name} has no preset "${spec.preset.slice(0, 80)}"; it has ${presets.join(", ") || "none"}`
    })
  }
  const now = yield* Clock.currentTimeMillis
  if (files.has(`.sdlc/features/${slug}/feature.yaml`))
    return yield* fail("create", { _tag: "AlreadyExists", project: project.name, slug })
  const key = yield* PlatformKey
  const changes = yield* Effect.try({
    try: () => initialFiles(project, slug, spec, files, now, key),
    catch: (error) =>
      fail("create", {
        _tag: "Invalid",
        field: "feature",
        message: error instanceof Error ? error.message : String(error)
      })
  })
  const branch = FeatureFiles.branchOf(slug)
  const base = yield* freshBranch(project, slug, head.value)
  yield* git.commit(target, {
    branch,
    expectedHead: base,
    changes,
    message: `sdlc(${slug}): feature-created`,
    author: { name: "platform", email: "platform@rdev" }
  })
  const index = FeatureIndex.make({
    id: yield* NewId.make("feat"),
    projectId: project.id,
    slug,
    title: spec.title,
    kind: spec.kind ?? "feature",
    phase: "draft",
    lifecycle: "active",
    branch: null,
    pullRequest: null,
    deps: [...(spec.deps ?? [])],
    claimed: false,
    intactSha: null,
    taskId: null,
    decision: null,
    ...(spec.agent === undefined ? {} : { agent: spec.agent }),
    ...(spec.start === false ? { held: true as const } : {}),
    live: true,
    createdAtMillis: now,
    updatedAtMillis: now
  })
  yield* store.insert(index).pipe(
    Effect.catchIf(
      (error) => error.reason._tag === "AlreadyExists",
      () => Effect.fail(fail("create", { _tag: "AlreadyExists", project: project.name, slug }))
    )
  )
  yield* FeatureAudit.said({ project, index }, "create", { title: spec.title })
  if (spec.start !== false) yield* Wake.feature(project.id, slug)
  return index
})

const verdict = Effect.fn("Features.verdict")(function* (idOrName: string, slug: string, given: GivenVerdict) {
  const { decision, snapshot } = yield* writable("verdict", idOrName, slug)
  const by = yield* speaker("verdict")
  const at = subjectAt(snapshot.state, decision, given.gate ?? null)
  if (at === null && decision.action === "await-escalation") {
    return yield* fail("verdict", {
      _tag: "Conflict",
      message: `an escalation is open: answer it (${decision.reason})`
    })
  }
  if (at === null) {
    return yield* fail("verdict", {
      _tag: "Conflict",
      message: `nothing waits for a verdict: the next action is ${decision.action} (${decision.reason}); name a gate to decide one that is not due`
    })
  }
  const { gate, subject, upstream } = at
  if (given.verdict !== "approve" && (given.reason ?? "").trim() === "") {
    return yield* fail("verdict", {
      _tag: "Invalid",
      field: "reason",
      message: `to ${given.verdict} needs a reason; the agent reads it`
    })
  }
  if (by.type !== "human" && (gate === "action" || snapshot.policy.gates[gate] === "human")) {
    return yield* fail("verdict", {
      _tag: "Forbidden",
      message:
        gate === "action"
          ? `the policy has a human confirm each action; ${by.id} is ${by.type}`
          : `the policy leaves the gate ${gate} to a human; ${by.id} is ${by.type}`
    })
  }
  if (subject === null && given.verdict !== "waive")
    return yield* fail("verdict", {
      _tag: "Conflict",
      message: `there is nothing at the gate ${gate} to decide about yet`
    })
  if (given.subject !== undefined && given.subject !== subject)
    return yield* fail("verdict", {
      _tag: "Conflict",
      message: `what waits at the gate ${gate} is not what was looked at any more (now ${subject ?? "nothing"}); look again`
    })
  yield* FeatureFiles.record(
    snapshot,
    [
      draft("verdict", {
        gate,
        subject,
        verdict: given.verdict,
        upstream,
        ...(given.reason === undefined ? {} : { reason: given.reason })
      })
    ],
    { actor: by }
  )
  yield* FeatureAudit.said(snapshot, given.verdict, { gate, subject, reason: given.reason ?? null })
  yield* Wake.feature(snapshot.project.id, slug)
  return { gate, subject }
})

/** What the life cycle holds for: an agent that could say it would decide where its own bounds end. */
const humanVerbs: ReadonlySet<string> = new Set(["answer"])

/** Records one event of a human and wakes the controller. */
const say = (
  verb: string,
  make: (found: {
    readonly snapshot: FeatureFiles.Snapshot
    readonly decision: FeatureDecision
  }) => Effect.Effect<Repo.Draft, FeatureError>
) =>
  Effect.fn(`Features.${verb}`)(function* (idOrName: string, slug: string) {
    const found = yield* writable(verb, idOrName, slug)
    const by = yield* speaker(verb)
    if (humanVerbs.has(verb) && by.type !== "human")
      return yield* fail(verb, { _tag: "Forbidden", message: `an escalation asks a human; ${by.id} is ${by.type}` })
    const event = yield* make(found)
    yield* FeatureFiles.record(found.snapshot, [event], { actor: by })
    yield* FeatureAudit.said(found.snapshot, verb, {
      reason: "reason" in event.data && typeof event.data.reason === "string" ? event.data.reason : null
    })
    yield* Wake.feature(found.snapshot.project.id, slug)
  })

const pause = (reason: string) =>
  say("pause", ({ snapshot }) =>
    snapshot.state.lifecycle === "active"
      ? Effect.succeed(draft("paused", { reason }))
      : Effect.fail(fail("pause", { _tag: "Conflict", message: `the feature is ${snapshot.state.lifecycle}` }))
  )
const resume = say("resume", ({ snapshot }) =>
  snapshot.state.lifecycle === "paused"
    ? Effect.succeed(draft("resumed", {}))
    : Effect.fail(
        fail("resume", { _tag: "Conflict", message: `the feature is ${snapshot.state.lifecycle}, not paused` })
      )
)
const cancel = (reason: string) =>
  say("cancel", ({ snapshot }) =>
    snapshot.state.lifecycle === "active" || snapshot.state.lifecycle === "paused"
      ? Effect.succeed(draft("cancelled", { reason }))
      : Effect.fail(fail("cancel", { _tag: "Conflict", message: `the feature is ${snapshot.state.lifecycle} already` }))
  )
const answer = (text: string) =>
  say("answer", ({ snapshot }) => {
    const [open] = snapshot.state.escalations
    return open === undefined
      ? Effect.fail(fail("answer", { _tag: "Conflict", message: "no escalation is open" }))
      : Effect.succeed(draft("escalation-answered", { escalation: open.id, answer: text }))
  })
const unblock = (planTask: string) =>
  say("unblock", ({ snapshot }) =>
    snapshot.state.tasks.some((task) => task.id === planTask && task.status === "blocked")
      ? Effect.succeed(draft("task-unblocked", { task: planTask }))
      : Effect.fail(fail("unblock", { _tag: "Conflict", message: `plan task ${planTask} is not blocked` }))
  )

type Needs =
  | AuditStore
  | EventLog
  | FeatureStore
  | GitObjects
  | PolicyStore
  | ProjectStore
  | RepositoryHost
  | RepositoryReader
  | WorkQueue

const make = Effect.gen(function* () {
  const context = yield* Effect.context<Needs>()
  const bound =
    <A extends ReadonlyArray<unknown>, B, E>(verb: (...args: A) => Effect.Effect<B, E, Needs>) =>
    (...args: A): Effect.Effect<B, E> =>
      Effect.provideContext(verb(...args), context)
  return {
    create: bound(create),
    list: bound(
      Effect.fn("Features.list")(function* (
        idOrName: string,
        options: { readonly after: string | null; readonly limit: number }
      ) {
        const project = yield* findProject("list", idOrName)
        return yield* (yield* FeatureStore).list(project.id, options)
      })
    ),
    get: bound(
      Effect.fn("Features.get")(function* (idOrName: string, slug: string) {
        const { decision, snapshot } = yield* loadSnapshot("get", idOrName, slug)
        return {
          index: snapshot.index,
          decision,
          standing: snapshot.standing,
          mainSha: snapshot.mainSha
        } satisfies FeatureView
      })
    ),
    /** Its documents as they stand, and which of them a verdict given now is about. */
    documents: bound(
      Effect.fn("Features.documents")(function* (idOrName: string, slug: string, gate: VerdictGate | null) {
        const found = yield* loadSnapshot("documents", idOrName, slug)
        const documents = yield* Documents.all(found.snapshot)
        return { sha: found.snapshot.sha, documents, due: Documents.due(found, documents, gate) }
      })
    ),
    document: bound(
      Effect.fn("Features.document")(function* (idOrName: string, slug: string, name: string) {
        const { snapshot } = yield* loadSnapshot("document", idOrName, slug)
        const documents = yield* Documents.all(snapshot)
        const found = Documents.find(documents, name)
        return found !== null
          ? { sha: snapshot.sha, document: found }
          : yield* fail("document", {
              _tag: "DocumentNotFound",
              feature: slug,
              document: name,
              has: documents.map((one) => one.name)
            })
      })
    ),
    /** What its branch changes of the base; `under` = only this file or folder. */
    changes: bound(
      Effect.fn("Features.changes")(function* (idOrName: string, slug: string, under: string | null) {
        const { snapshot } = yield* loadSnapshot("changes", idOrName, slug)
        return yield* Changes.of(snapshot, under)
      })
    ),
    snapshot: bound((idOrName: string, slug: string) => loadSnapshot("snapshot", idOrName, slug)),
    verdict: bound(verdict),
    pause: bound((idOrName: string, slug: string, reason: string) => pause(reason)(idOrName, slug)),
    resume: bound(resume),
    cancel: bound((idOrName: string, slug: string, reason: string) => cancel(reason)(idOrName, slug)),
    answer: bound((idOrName: string, slug: string, text: string) => answer(text)(idOrName, slug)),
    unblock: bound((idOrName: string, slug: string, planTask: string) => unblock(planTask)(idOrName, slug)),
    run: bound(
      Effect.fn("Features.run")(function* (idOrName: string, slug: string) {
        const { index, project } = yield* findFeature("run", idOrName, slug)
        const { held, ...begun } = index
        // First, so that the look at silent features finds it even when this pass comes to nothing.
        if (held === true) yield* (yield* FeatureStore).put(FeatureIndex.make(begun))
        yield* Wake.feature(project.id, index.slug)
        return index
      })
    )
  }
})

export class Features extends Context.Service<Features, Effect.Success<typeof make>>()("rdev/services/Features") {
  static readonly layer = Layer.effect(Features, make)
}
