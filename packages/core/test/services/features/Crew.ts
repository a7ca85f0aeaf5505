/**
 * A project whose features are driven by the real controller, queue and worker over ports in memory and a virtual clock. Agents are
 * functions here: each does what its action asks for by a commit to the forge, and takes its time on the clock.
 */
import { Effect, Layer, Option, Schema } from "effect"
import { TestClock } from "effect/testing"
import { DateTime } from "effect"
import { upstreamOf } from "@rdev/sdlc/derive/Verdicts"
import { decide } from "@rdev/sdlc/derive/Decide"
import * as Repo from "@rdev/sdlc/repo/Repo"
import { Examined } from "@rdev/core/domain/Examined"
import * as Ids from "@rdev/core/domain/Ids"
import * as NewId from "@rdev/core/ids/NewId"
import type { ProjectId } from "@rdev/core/domain/Ids"
import { Project, ProjectName } from "@rdev/core/domain/Project"
import * as MemoryAuditStore from "@rdev/core/memory/stores/AuditStore"
import * as MemoryCi from "@rdev/core/memory/infra/Ci"
import * as Ci from "@rdev/core/ports/infra/Ci"
import * as MemoryCredentialStore from "@rdev/core/memory/stores/CredentialStore"
import * as MemoryDns from "@rdev/core/memory/infra/Dns"
import * as MemoryBuilder from "@rdev/core/memory/infra/Builder"
import * as MemoryDeployer from "@rdev/core/memory/infra/Deployer"
import * as MemoryForgeStore from "@rdev/core/memory/stores/ForgeStore"
import * as MemoryIssueStore from "@rdev/core/memory/stores/IssueStore"
import * as MemoryRouter from "@rdev/core/memory/infra/Router"
import * as MemoryEnvironmentStore from "@rdev/core/memory/stores/EnvironmentStore"
import * as MemoryEventLog from "@rdev/core/memory/stores/EventLog"
import * as EventLog from "@rdev/core/ports/stores/EventLog"
import * as MemoryFeatureStore from "@rdev/core/memory/stores/FeatureStore"
import * as FeatureStore from "@rdev/core/ports/stores/FeatureStore"
import { AgentHarness } from "@rdev/core/ports/agents/AgentHarness"
import { BranchName } from "@rdev/core/ports/infra/Forge"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import * as MemoryForge from "@rdev/core/memory/infra/Forge"
import * as MemoryNotifier from "@rdev/core/memory/stores/Notifier"
import * as MemoryPolicyStore from "@rdev/core/memory/stores/PolicyStore"
import * as PolicyStore from "@rdev/core/ports/stores/PolicyStore"
import * as MemoryProjectStore from "@rdev/core/memory/stores/ProjectStore"
import * as ProjectStore from "@rdev/core/ports/stores/ProjectStore"
import * as MemoryUnitOfWork from "@rdev/core/memory/stores/UnitOfWork"
import * as MemoryWorkQueueStore from "@rdev/core/memory/stores/WorkQueueStore"
import * as MemoryWorkspaceHost from "@rdev/core/memory/infra/WorkspaceHost"
import * as TaskEvents from "@rdev/core/queue/TaskEvents"
import { TaskFailure, TaskHandlers, type TaskContext } from "@rdev/core/queue/TaskHandlers"
import * as Worker from "@rdev/core/queue/Worker"
import * as WorkQueue from "@rdev/core/queue/WorkQueue"
import * as FeatureFiles from "@rdev/core/services/features/read/FeatureFiles"
import * as FeatureHandlers from "@rdev/core/services/features/drive/FeatureHandlers"
import { PlatformKey } from "@rdev/core/services/features/act/PlatformKey"
import { draft } from "@rdev/core/services/features/act/PlatformActions"
import { RepositoryReader } from "@rdev/core/services/features/read/RepositoryReader"
import { Features, layerDriver } from "@rdev/core/services/Features"

export const main = BranchName.make("main")

const policy = (deploy: string) =>
  `v: 1\ndeploy: ${deploy}\nwip: 10\ngates: { spec: auto, design: 'off', tasks: auto, qa-plan: 'off', start: auto, human-review: 'off', audit: 'off', risk: 'off', uat: 'off', merge: auto }\n`
const spec = (slug: string) =>
  `# ${slug}\n### REQ-001: Say it\nThe tool shall print ${slug}.\n#### SC-001: it\n- Given the tool\n- When it runs\n- Then it prints ${slug}\n`
const tasks = (slug: string) =>
  `## task-001: Write it\n- covers: REQ-001\n- writes: src/${slug}.js\n- verify: \`true\`\n`

export interface Counts {
  /** Agents' and platform actions by name. */
  readonly did: Map<string, number>
  /** Slugs in the order in which they landed. */
  readonly landed: Array<string>
  /** For each review after the first of a feature: the files it was told to look at again. */
  readonly lookedAgain: Array<ReadonlyArray<string>>
}

/** Files a feature writes besides its own; `shared` makes every feature meet every other. */
export interface Options {
  readonly shared: boolean
  /** Instead of one in memory. */
  readonly forge?: Layer.Layer<GitObjects | RepositoryHost>
}

const text = (content: Uint8Array | undefined) => (content === undefined ? "" : Buffer.from(content).toString("utf8"))

const crew = (options: Options, counts: Counts) => {
  const count = (name: string) => void counts.did.set(name, (counts.did.get(name) ?? 0) + 1)
  const load = Effect.fnUntraced(function* (context: TaskContext, slug: string) {
    const project = yield* (yield* ProjectStore.ProjectStore).byId(context.task.owner as ProjectId)
    const index = yield* (yield* FeatureStore.FeatureStore).get(context.task.owner as ProjectId, slug)
    const found =
      Option.isSome(project) && Option.isSome(index)
        ? yield* FeatureFiles.load(project.value, index.value)
        : Option.none<FeatureFiles.Snapshot>()
    return Option.getOrThrow(found)
  })
  const commit = Effect.fnUntraced(function* (
    snapshot: FeatureFiles.Snapshot,
    changes: ReadonlyArray<{ readonly path: string; readonly content: string }>
  ) {
    yield* (yield* GitObjects).commit(snapshot.target, {
      branch: snapshot.branch,
      expectedHead: snapshot.sha,
      changes,
      message: "work",
      author: { name: "agent", email: "agent@rdev" }
    })
  })
  const say = (
    snapshot: FeatureFiles.Snapshot,
    context: TaskContext,
    drafts: ReadonlyArray<Repo.Draft>,
    files: ReadonlyArray<Repo.Write> = []
  ) => FeatureFiles.record(snapshot, drafts, { files, actor: { id: "fake", type: "agent", session: context.task.id } })
  const about = ({ state }: FeatureFiles.Snapshot) => state.observed.head ?? { tree: "", sha: "" }

  const submit = Effect.fnUntraced(function* (context: TaskContext, slug: string, kind: "spec" | "tasks") {
    yield* commit(yield* load(context, slug), [
      { path: `.sdlc/features/${slug}/${kind}.md`, content: kind === "spec" ? spec(slug) : tasks(slug) }
    ])
    const written = yield* load(context, slug)
    yield* say(written, context, [
      draft("artifact-submitted", {
        kind,
        hash: written.state.documents[kind].hash ?? "",
        upstream: upstreamOf(written.state, kind)
      })
    ])
  })
  const registry = (before: string, slug: string) =>
    [...new Set([...before.split("\n").filter((line) => line !== ""), slug])].toSorted().join("\n")

  const implement = Effect.fnUntraced(function* (context: TaskContext, slug: string, task: string) {
    const snapshot = yield* load(context, slug)
    const before = text((yield* (yield* GitObjects).readFiles(snapshot.target, snapshot.sha, "")).get("registry.txt"))
    yield* commit(snapshot, [
      { path: `src/${slug}.js`, content: `print("${slug}")\n` },
      ...(options.shared ? [{ path: "registry.txt", content: registry(before, slug) }] : [])
    ])
    yield* say(yield* load(context, slug), context, [draft("task-claimed", { task })])
  })
  /** A merge of the default branch in which both sides' lines of the registry are kept. */
  const resolve = Effect.fnUntraced(function* (context: TaskContext, slug: string) {
    const snapshot = yield* load(context, slug)
    const git = yield* GitObjects
    const mainSha = Option.getOrThrow(yield* git.head(snapshot.target, main))
    const [ours, theirs] = yield* Effect.all([
      git.readFiles(snapshot.target, snapshot.sha, ""),
      git.readFiles(snapshot.target, mainSha, "")
    ])
    const files = Object.fromEntries([...theirs, ...ours].map(([path, content]) => [path, text(content)]))
    const sha = yield* git.importBundle(
      snapshot.target,
      MemoryForge.makeBundle({
        parents: [snapshot.sha, mainSha],
        files: { ...files, "registry.txt": registry(text(theirs.get("registry.txt")), slug) },
        message: "resolve",
        author: { name: "agent", email: "agent@rdev" },
        timeMillis: 1
      })
    )
    yield* git.advanceBranch(
      snapshot.target,
      snapshot.branch,
      yield* Examined.examine({ head: snapshot.sha, to: sha }, () => Effect.succeed([]))
    )
  })
  const proof = (snapshot: FeatureFiles.Snapshot, name: string) =>
    Repo.evidenceFile(snapshot.index.slug, { _type: "https://in-toto.io/Statement/v1", name, tree: snapshot.tree })

  const Payload = Schema.Struct({ slug: Schema.String, key: Schema.String, action: Schema.String })
  const agent = Effect.fnUntraced(
    function* (context: TaskContext) {
      const { action, key, slug } = yield* Schema.decodeUnknownEffect(Payload)(context.task.payload)
      yield* Effect.sleep("3 seconds")
      const snapshot = yield* load(context, slug)
      const decision = decide(snapshot.state, snapshot.loaded.policy, 0)
      if (decision.idempotencyKey !== key) return null
      count(action)
      const { patch, sha, tree } = about(snapshot) as {
        readonly tree: string
        readonly sha: string
        readonly patch?: string
      }
      const seen = { tree, sha, ...(patch === undefined ? {} : { patch }) }
      switch (action) {
        case "create-spec":
          yield* submit(context, slug, "spec")
          break
        case "create-tasks":
          yield* submit(context, slug, "tasks")
          break
        case "implement-task":
          yield* implement(context, slug, decision.taskId ?? "task-001")
          break
        case "resolve-conflicts":
          yield* resolve(context, slug)
          break
        case "review-code":
          if (snapshot.state.reviews.length > 0)
            counts.lookedAgain.push([...new Set(Object.values(snapshot.state.observed.head?.since ?? {}).flat())])
          yield* say(snapshot, context, [draft("review-recorded", { ...seen, verdict: "approve", findings: [] })])
          break
        case "run-qa": {
          const file = proof(snapshot, "qa")
          yield* say(
            snapshot,
            context,
            [draft("qa-recorded", { ...seen, checks: [{ id: "QA-001", status: "passed", evidence: file.digest }] })],
            [file]
          )
          break
        }
        case "sync-specs":
          yield* say(snapshot, context, [draft("sync-recorded", { specs: [slug] })])
          break
        default:
          return yield* Effect.die(new Error(`the crew does not know how to ${action}`))
      }
      return null
    },
    Effect.mapError((error) => new TaskFailure({ reason: { _tag: "AgentFault", message: String(error) } }))
  )

  const action = (real: (context: TaskContext) => Effect.Effect<Schema.Json, TaskFailure>) =>
    Effect.fnUntraced(function* (context: TaskContext) {
      const work = yield* Schema.decodeUnknownEffect(Payload)(context.task.payload).pipe(Effect.orDie)
      count(work.action)
      if (work.action !== "verify-task") return yield* real(context)
      const snapshot = yield* load(context, work.slug).pipe(Effect.orDie)
      const task = decide(snapshot.state, snapshot.loaded.policy, 0).taskId ?? "task-001"
      const file = proof(snapshot, task)
      yield* FeatureFiles.record(snapshot, [draft("task-verified", { task, evidence: file.digest })], {
        files: [file]
      }).pipe(Effect.orDie)
      return null
    })
  return Layer.effect(
    TaskHandlers,
    Effect.gen(function* () {
      const real = yield* FeatureHandlers.make
      const context = yield* Effect.context<
        | GitObjects
        | RepositoryHost
        | FeatureStore.FeatureStore
        | ProjectStore.ProjectStore
        | RepositoryReader
        | EventLog.EventLog
        | PolicyStore.PolicyStore
      >()
      const own =
        (
          handler: (
            task: TaskContext
          ) => Effect.Effect<
            Schema.Json,
            TaskFailure,
            | GitObjects
            | RepositoryHost
            | FeatureStore.FeatureStore
            | ProjectStore.ProjectStore
            | RepositoryReader
            | EventLog.EventLog
            | PolicyStore.PolicyStore
          >
        ) =>
        (task: TaskContext) =>
          Effect.provideContext(handler(task), context)
      const then = real.get("action")
      if (then === undefined) return yield* Effect.die(new Error("the platform has no handler for actions"))
      return new Map([...real, ["agent", own(agent)], ["action", own(action(then))]])
    })
  )
}

const noHarness = Layer.succeed(AgentHarness, {
  list: Effect.succeed([]),
  get: () => Effect.die(new Error("no harness runs here"))
} as never)

export const platform = (options: Options, counts: Counts) => {
  const stores = Layer.mergeAll(
    MemoryEnvironmentStore.layer,
    MemoryForgeStore.layer,
    MemoryIssueStore.layer,
    MemoryEventLog.layer,
    MemoryPolicyStore.layer,
    MemoryProjectStore.layer,
    MemoryFeatureStore.layer,
    MemoryAuditStore.layer,
    MemoryCredentialStore.layer,
    MemoryUnitOfWork.layer,
    MemoryNotifier.layer,
    MemoryWorkQueueStore.layer
  )
  const ports = Layer.mergeAll(
    options.forge ?? MemoryForge.layer,
    MemoryCi.layer,
    MemoryBuilder.layer,
    MemoryDeployer.layer,
    MemoryRouter.layer,
    MemoryDns.layer,
    MemoryWorkspaceHost.layer,
    noHarness,
    Layer.succeed(PlatformKey, null)
  ).pipe(Layer.provideMerge(stores))
  const queue = WorkQueue.layer.pipe(Layer.provideMerge(TaskEvents.layer), Layer.provideMerge(ports))
  const features = Layer.merge(Features.layer, crew(options, counts)).pipe(
    Layer.provideMerge(RepositoryReader.layer),
    Layer.provideMerge(queue)
  )
  return Layer.mergeAll(Worker.layer({ capacity: 8, labels: [] }), layerDriver).pipe(Layer.provideMerge(features))
}

/** A ready project `hello` with a policy and nothing else in its repository. */
export const projectWith = Effect.fnUntraced(function* (deploy: "none" | "required") {
  const repositories = yield* RepositoryHost
  const features = yield* Features
  const projects = yield* ProjectStore.ProjectStore
  const id = yield* NewId.make("proj")
  const target = { projectId: id, name: ProjectName.make("hello") }
  yield* repositories.ensure(target, {
    defaultBranch: main,
    files: [
      { path: ".sdlc/policy.yaml", content: policy(deploy) },
      { path: "registry.txt", content: "" }
    ],
    message: "template"
  })
  yield* (yield* Ci.Ci).ensure(target)
  const now = yield* DateTime.now
  yield* projects.insert(
    new Project({
      id,
      name: target.name,
      template: "default",
      status: "ready",
      description: "",
      agent: "fake",
      defaultBranch: "main",
      workDir: "/workspace",
      cloneUrl: null,
      resources: [],
      environments: [],
      operationId: null,
      createdAt: now,
      updatedAt: now,
      revision: 1
    })
  )
  return { features, id, target }
})

export const project = projectWith("none")

/** Lets the features of these names go from their idea to their release, at once; seconds of the clock until all are done, `null` when they are not. */
export const release = (
  slugs: ReadonlyArray<string>,
  options: Options,
  meanwhile: (
    round: number,
    target: { readonly projectId: Ids.ProjectId; readonly name: ProjectName }
  ) => Effect.Effect<void, unknown, GitObjects> = () => Effect.void
) => {
  const counts: Counts = { did: new Map(), landed: [], lookedAgain: [] }
  return Effect.gen(function* () {
    const { features, id, target } = yield* project
    const store = yield* FeatureStore.FeatureStore
    for (const slug of slugs) {
      yield* features.create("hello", { title: slug, slug })
      yield* TestClock.adjust("1 millis")
    }
    for (let round = 0; round < 3000; round++) {
      yield* TestClock.adjust("1 second")
      yield* meanwhile(round, target)
      const live = yield* store.live(id)
      const all = yield* store.list(id, { after: null, limit: 100 })
      for (const one of all)
        if (one.phase === "released" && !counts.landed.includes(one.slug)) counts.landed.push(one.slug)
      if (live.length === 0) return { seconds: round, counts, features: all }
      if (live.every((one) => one.decision?.kind === "hold")) return { seconds: null, counts, features: all }
    }
    return { seconds: null, counts, features: yield* store.list(id, { after: null, limit: 100 }) }
  }).pipe(Effect.provide(platform(options, counts)))
}
