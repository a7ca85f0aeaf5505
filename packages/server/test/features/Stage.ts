/** A small platform for tests of features: memory stores, real git, a real sandbox, the scripted agent, and a CI and a deployer that the test steers. */
import type { AgentConfig } from "@rdev/adapter-agents/AgentConfig"
import { layer as agentsLayer } from "@rdev/adapter-agents/AgentRegistry"
import * as LocalForge from "@rdev/adapter-local/forge/LocalForge"
import * as LocalWorkspaceHost from "@rdev/adapter-local/workspaces/LocalWorkspaceHost"
import { ofProject, type Event } from "@rdev/core/domain/Event"
import * as Ids from "@rdev/core/domain/Ids"
import * as NewId from "@rdev/core/ids/NewId"
import { CurrentRequest } from "@rdev/core/domain/Principal"
import { Project, ProjectName } from "@rdev/core/domain/Project"
import * as MemoryAuditStore from "@rdev/core/memory/stores/AuditStore"
import * as AuditStore from "@rdev/core/ports/stores/AuditStore"
import { Ci, type CiStatus } from "@rdev/core/ports/infra/Ci"
import * as MemoryBuilder from "@rdev/core/memory/infra/Builder"
import * as MemoryRouter from "@rdev/core/memory/infra/Router"
import { Deployer, type Release } from "@rdev/core/ports/infra/Deployer"
import * as MemoryCredentialStore from "@rdev/core/memory/stores/CredentialStore"
import * as MemoryDns from "@rdev/core/memory/infra/Dns"
import * as MemoryForgeStore from "@rdev/core/memory/stores/ForgeStore"
import * as MemoryIssueStore from "@rdev/core/memory/stores/IssueStore"
import * as MemoryEnvironmentStore from "@rdev/core/memory/stores/EnvironmentStore"
import * as MemoryEventLog from "@rdev/core/memory/stores/EventLog"
import * as EventLog from "@rdev/core/ports/stores/EventLog"
import * as MemoryFeatureStore from "@rdev/core/memory/stores/FeatureStore"
import { BranchName } from "@rdev/core/ports/infra/Forge"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import * as MemoryNotifier from "@rdev/core/memory/stores/Notifier"
import * as MemoryPolicyStore from "@rdev/core/memory/stores/PolicyStore"
import * as MemoryProjectStore from "@rdev/core/memory/stores/ProjectStore"
import * as ProjectStore from "@rdev/core/ports/stores/ProjectStore"
import * as MemoryUnitOfWork from "@rdev/core/memory/stores/UnitOfWork"
import * as MemoryWorkQueueStore from "@rdev/core/memory/stores/WorkQueueStore"
import { WorkspaceHost } from "@rdev/core/ports/infra/WorkspaceHost"
import * as TaskEvents from "@rdev/core/queue/TaskEvents"
import { TaskHandlers } from "@rdev/core/queue/TaskHandlers"
import * as Worker from "@rdev/core/queue/Worker"
import * as WorkQueue from "@rdev/core/queue/WorkQueue"
import { PlatformKey } from "@rdev/core/services/features/act/PlatformKey"
import { trustPlatform } from "@rdev/core/services/features/act/TrustPlatform"
import * as FeatureHandlers from "@rdev/core/services/features/drive/FeatureHandlers"
import { RepositoryReader } from "@rdev/core/services/features/read/RepositoryReader"
import { Features, layerDriver } from "@rdev/core/services/Features"
import type { FeatureDecision } from "@rdev/sdlc"
import { generate, signingKey } from "@rdev/sdlc/repo/Trust"
import { DateTime, Effect, Layer, Option, Stream } from "effect"
import { spawnSync } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const repository = fileURLToPath(new URL("../../../../", import.meta.url))

/** The `sdlc` program as it is shipped: one file. */
export const sdlcProgram = join(repository, "packages/sdlc/dist/cli/main.js")

/** What the steered CI and deployer answer, and what they were asked. */
export interface Outside {
  ci: (sha: string) => CiStatus
  healthy: () => boolean
  readonly ciRuns: Array<string>
  readonly deployed: Array<string>
  rolledBack: number
}

const steeredCi = (outside: Outside) => {
  const runs = new Map<string, { readonly sha: string; readonly status: CiStatus }>()
  const view = (id: string) => {
    const run = runs.get(id)
    return {
      id: id as Ids.RunId,
      sha: run?.sha ?? "",
      status: run?.status ?? ("infra" as const),
      steps: [],
      reason: run?.status === "red" ? "test exited 1" : null,
      durationMillis: 1
    }
  }
  return Layer.succeed(Ci, {
    observe: () => Effect.succeedNone,
    ensure: () => Effect.succeed({ externalId: "steered", created: false }),
    remove: () => Effect.void,
    start: (_, request) =>
      Effect.map(NewId.make("run"), (id) => {
        outside.ciRuns.push(request.sha)
        runs.set(id, { sha: request.sha, status: outside.ci(request.sha) })
        return view(id)
      }),
    get: (_, id) => Effect.sync(() => view(id)),
    follow: () => Stream.empty,
    cancel: () => Effect.void
  })
}

const steeredDeployer = (outside: Outside) =>
  Layer.succeed(Deployer, {
    deploy: (_, request) =>
      Effect.map(NewId.make("rel"), (id): Release => {
        outside.deployed.push(request.artifact.sha)
        return {
          id,
          environment: request.environment,
          sha: request.artifact.sha,
          status: "live",
          url: "http://hello.localhost/",
          backend: { _tag: "Server" },
          deployedAtMillis: 0
        }
      }),
    observe: () => Effect.succeed(Option.none()),
    verify: () =>
      Effect.sync(() => ({
        healthy: outside.healthy(),
        checks: [{ name: "http", ok: outside.healthy(), detail: outside.healthy() ? "200" : "500" }]
      })),
    rollback: (_, environment) =>
      Effect.map(NewId.make("rel"), (id): Release => {
        outside.rolledBack++
        return {
          id,
          environment,
          sha: "0".repeat(40),
          status: "live",
          url: "http://hello.localhost/",
          backend: { _tag: "Server" },
          deployedAtMillis: 0
        }
      }),
    remove: () => Effect.void,
    list: Effect.succeed([])
  })

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

const platform = (
  dataDir: string,
  outside: Outside,
  fault: string | undefined,
  agents: ReadonlyArray<AgentConfig> | undefined
) => {
  const host = LocalWorkspaceHost.layer({ dataDir, tools: [{ hostPath: sdlcProgram, name: "sdlc" }] })
  const ports = Layer.mergeAll(
    MemoryDns.layer,
    LocalForge.layer({ dataDir, baseUrl: "http://127.0.0.1:1/git" }),
    Layer.provideMerge(
      agentsLayer({
        ...(fault === undefined ? {} : { scriptFault: fault }),
        ...(agents === undefined ? {} : { agents })
      }),
      host
    ),
    steeredCi(outside),
    MemoryBuilder.layer,
    MemoryRouter.layer,
    steeredDeployer(outside)
  ).pipe(Layer.provideMerge(stores))
  const key = Layer.sync(PlatformKey, () => signingKey("platform", generate().privatePem))
  const queue = WorkQueue.layer.pipe(Layer.provideMerge(TaskEvents.layer), Layer.provideMerge(ports))
  const features = Layer.mergeAll(Features.layer, Layer.effect(TaskHandlers, FeatureHandlers.make)).pipe(
    Layer.provideMerge(RepositoryReader.layer),
    Layer.provideMerge(queue),
    Layer.provideMerge(key)
  )
  return Layer.mergeAll(Worker.layer({ capacity: 4, labels: [] }), layerDriver).pipe(Layer.provideMerge(features))
}

const templateFolder = fileURLToPath(new URL("../../templates/default/files/", import.meta.url))
const values: Readonly<Record<string, string>> = { project: "hello", description: "A page", defaultBranch: "main" }

const templateFiles = (policy: (text: string) => string) =>
  readdirSync(templateFolder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const file = join(entry.parentPath, entry.name)
      const path = file.slice(templateFolder.length).replace("_dot_", ".")
      const content = readFileSync(file, "utf8").replaceAll(
        /\{\{(\w+)(\|json)?\}\}/g,
        (_, key: string, json?: string) =>
          json === undefined ? (values[key] ?? key) : JSON.stringify(values[key] ?? key)
      )
      return { path, content: path === ".sdlc/policy.yaml" ? policy(content) : content }
    })

export const slug = "contact"

/** Everything a test does with its one feature. */
const handles = Effect.fn("Stage.handles")(function* (
  dataDir: string,
  policy: (text: string) => string,
  agent: string
) {
  const repositories = yield* RepositoryHost
  const objects = yield* GitObjects
  const features = yield* Features
  const projects = yield* ProjectStore.ProjectStore
  const log = yield* EventLog.EventLog
  const audit = yield* AuditStore.AuditStore
  const id = yield* NewId.make("proj")
  const target = { projectId: id, name: ProjectName.make("hello") }
  yield* repositories.ensure(target, {
    defaultBranch: BranchName.make("main"),
    files: trustPlatform(templateFiles(policy), yield* PlatformKey),
    message: "template"
  })
  const now = yield* DateTime.now
  yield* projects.insert(
    new Project({
      id,
      name: target.name,
      template: "default",
      status: "ready",
      description: "",
      agent,
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
  const asAda = Effect.provideService(CurrentRequest, {
    principal: { id: "key_ada", name: "ada", type: "human", scopes: ["admin"], projects: null },
    requestId: "req-1",
    sourceAddress: "127.0.0.1"
  })
  const events = Effect.map(log.read(ofProject(id), 0, 1000), (page) => page.events)
  /** Waits until the feature rests at a decision that satisfies the predicate; a later one counts as well as one already made. */
  const until = Effect.fn("Stage.until")(
    function* (wanted: (decision: FeatureDecision) => boolean) {
      const live = yield* log.subscribe(ofProject(id))
      const now_ = yield* features.get("hello", slug)
      if (wanted(now_.decision)) return now_.decision
      yield* Stream.runDrain(
        Stream.takeUntilEffect(live, (event: Event) =>
          event.type === "feature.decided"
            ? Effect.map(features.get("hello", slug), (view) => wanted(view.decision))
            : Effect.succeed(false)
        )
      )
      return (yield* features.get("hello", slug)).decision
    },
    Effect.scoped,
    Effect.timeout("150 seconds")
  )
  const git = (...args: ReadonlyArray<string>) => {
    const result = spawnSync("git", ["--git-dir", join(dataDir, "git", "hello.git"), ...args], { encoding: "utf8" })
    if (result.status !== 0) throw new Error(`git ${args.join(" ")}: ${result.stderr}`)
    return result.stdout.trim()
  }
  return { objects, host: yield* WorkspaceHost, features, audit, target, asAda, events, until, git, log }
})

export type Handles = Effect.Success<ReturnType<typeof handles>>

/** Runs a test on a platform of its own; its data folder is removed at the end. */
export const onStage = <A, E>(
  options: {
    readonly fault?: string
    readonly agent?: string
    readonly agents?: ReadonlyArray<AgentConfig>
    readonly policy?: (text: string) => string
    readonly outside?: Partial<Outside>
  },
  test: (stage: Handles, outside: Outside) => Effect.Effect<A, E>
) =>
  Effect.gen(function* () {
    const dataDir = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "rdev-stage-"))),
      (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
    )
    const outside: Outside = {
      ci: () => "green",
      healthy: () => true,
      ciRuns: [],
      deployed: [],
      rolledBack: 0,
      ...options.outside
    }
    return yield* Effect.flatMap(
      handles(dataDir, options.policy ?? ((text) => text), options.agent ?? options.agents?.[0]?.name ?? "scripted"),
      (stage) => test(stage, outside)
    ).pipe(Effect.provide(platform(dataDir, outside, options.fault, options.agents)))
  }).pipe(Effect.scoped)
