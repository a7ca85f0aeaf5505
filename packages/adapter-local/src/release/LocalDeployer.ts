/**
 * The Deployer port on one machine: builds the commit in the sandbox into a release folder, checks it, switches a link. Static sites
 * are copied to a folder of the server's own and served from there by the Edge; Node services run in the sandbox and are kept running, also over server restarts.
 */
import * as Ids from "@rdev/core/domain/Ids"
import * as NewId from "@rdev/core/ids/NewId"
import {
  Deployer,
  DeployerError,
  type EnvironmentName,
  type Health,
  type Release
} from "@rdev/core/ports/infra/Deployer"
import type { RepositoryTarget, Sha } from "@rdev/core/ports/infra/Forge"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { Quarantine } from "@rdev/core/ports/stores/Quarantine"
import * as Turns from "@rdev/core/services/redaction/Turns"
import { Clock, Context, Effect, Exit, Layer, Option, Scope, Semaphore, Stream } from "effect"
import type { Socket } from "node:net"
import { join } from "node:path"
import * as Checkout from "../workspaces/Checkout.ts"
import * as ConfinedCopy from "../confined/ConfinedCopy.ts"
import * as ConfinedTree from "../confined/ConfinedTree.ts"
import * as FileLock from "../records/FileLock.ts"
import * as Damaged from "../records/Damaged.ts"
import * as Lines from "@rdev/runtime-node/Lines"
import { attempt, DamagedRecord, fail, invalid, type LocalFailure, notFound } from "../LocalFailure.ts"
import * as Pipeline from "@rdev/runtime-node/pipeline/Pipeline"
import * as ProjectRedactor from "../output/ProjectRedactor.ts"
import * as ReleaseConfig from "./ReleaseConfig.ts"
import * as Records from "./ReleaseRecords.ts"
import * as Sandbox from "../sandbox/Sandbox.ts"
import * as ServiceRunner from "./ServiceRunner.ts"
import * as StaticSite from "./StaticSite.ts"
import type { Network } from "../sandbox/SandboxTypes.ts"

export interface DeployOptions {
  readonly dataDir: string
  /** Releases are named `<project>.<domain>` and `staging.<project>.<domain>`; default `localhost`. */
  readonly domain?: string
  /** URL of a host name, e.g. `(host) => "http://" + host + ":4400/"`. */
  readonly urlOf: (host: string) => string
  /** Network of services; default `loopback` (their own). `internet` is the host's network, its loopback included. */
  readonly serviceNetwork?: "loopback" | "internet"
  /** Default 15 minutes. */
  readonly buildTimeoutMillis?: number
  /** How long a service may take until its health path answers; default 30 s. */
  readonly healthTimeoutMillis?: number
}
export type Options = DeployOptions & Sandbox.Options

export type LiveRelease =
  | { readonly kind: "static"; readonly id: string; readonly root: string }
  | { readonly kind: "node"; readonly id: string; readonly connect: () => Socket }
/** What the edge serves, whichever process of the installation released it. */
export class LiveReleases extends Context.Service<
  LiveReleases,
  {
    find(projectId: Ids.ProjectId, environment: EnvironmentName): Promise<LiveRelease | null>
  }
>()("rdev/adapter-local/LiveReleases") {}

/** A service that runs in this process, or a site that it published. */
interface Running {
  readonly live: LiveRelease
  readonly record: Records.ReleaseRecord
  readonly scope: Scope.Closeable
}
/** Between two looks whether a service is superseded, or left alone by a process that ended. */
const keepMillis = 1_000
/** A service that could not be brought up is left alone for as long. */
const pauseMillis = 30_000
/** How long a release waits for the process that ran its service before. */
const lockPatience = "10 seconds"
type Request = {
  readonly key: string
  readonly environment: EnvironmentName
  readonly sha: Sha
  readonly env: Readonly<Record<string, string>>
}

export const make = Effect.fn("LocalDeployer.make")(function* (options: DeployOptions) {
  const { dataDir } = options
  const git = yield* GitObjects
  const sandbox = yield* Sandbox.Sandbox
  const layerScope = yield* Effect.scope
  const building = yield* Semaphore.make(2)
  const redactorOf = yield* ProjectRedactor.make
  const locks = new Map<string, Semaphore.Semaphore>()
  const running = new Map<string, Running>()
  const keyOf = (projectId: string, environment: EnvironmentName) => `${projectId}/${environment}`
  const loopback: Network = sandbox.networks.includes("loopback") ? "loopback" : "none"
  const serviceNetwork = options.serviceNetwork ?? "loopback"

  const exclusive = <A, E>(target: RepositoryTarget, effect: Effect.Effect<A, E>) => {
    const lock = locks.get(target.projectId) ?? Semaphore.makeUnsafe(1)
    locks.set(target.projectId, lock)
    return lock.withPermit(FileLock.exclusively(dataDir, `deploy-${target.projectId}`)(effect))
  }
  const liveIn = (projectId: string, environment: EnvironmentName): Damaged.Whose => ({
    projectId,
    part: `the live release in ${environment}`,
    repair: "Deploy it again (project.sync does where nothing is released), or roll back"
  })
  const releaseIn = (projectId: string, environment: EnvironmentName, id: string): Damaged.Whose => ({
    projectId,
    part: `release ${id} in ${environment}`,
    repair: "It cannot be rolled back to; deploy its commit again, or restore its release.json from a backup"
  })
  const marks = (projectIds: ReadonlyArray<Ids.ProjectId>) =>
    Effect.map(
      Damaged.each(
        projectIds,
        (projectId) => ({
          projectId,
          part: "the releases' mark",
          repair:
            "Restore project.json in the folder of its releases from a backup, or remove that file and deploy again"
        }),
        async (projectId) => ({ projectId, mark: await Records.readMark(dataDir, projectId) })
      ),
      (found) => found.flatMap(({ mark, projectId }) => (mark === null ? [] : [{ projectId, ...mark }]))
    )
  /** Completed releases, oldest first, and the ids of those whose record cannot be read. */
  const releasesOf = Effect.fnUntraced(function* (projectId: string, environment: EnvironmentName) {
    const ids = yield* attempt(() => Records.ids(dataDir, projectId, environment))
    const read = yield* Damaged.each(
      ids,
      (id) => releaseIn(projectId, environment, id),
      async (id) => ({ id, record: await Records.read(dataDir, projectId, environment, id) })
    )
    const known = new Set(read.map(({ id }) => id))
    return {
      records: read.flatMap(({ record }) => (record === null ? [] : [record])),
      damaged: ids.filter((id) => !known.has(id))
    }
  })
  const hostOf = (name: string, environment: EnvironmentName) =>
    `${environment === "staging" ? "staging." : ""}${name}.${options.domain ?? "localhost"}`

  const build = Effect.fnUntraced(function* (
    projectId: Ids.ProjectId,
    folder: string,
    commands: ReadonlyArray<string>
  ) {
    if (commands.length === 0) return
    const folders = { files: Records.filesOf(folder), home: join(folder, "home"), filesReadOnly: false }
    const process = yield* sandbox.start({
      folders,
      argv: ["sh", "-c", Pipeline.script(commands)],
      cwd: sandbox.inside(folders).workDir,
      env: { CI: "true", NODE_ENV: "production" },
      network: loopback,
      account: projectId,
      quotas: [
        {
          paths: [folders.files, folders.home],
          bytes: sandbox.budget.diskBytes,
          files: sandbox.budget.files,
          what: "the build"
        }
      ],
      timeoutMillis: options.buildTimeoutMillis ?? 15 * 60_000
    })
    const redactor = yield* redactorOf(projectId)
    const splitters = { stdout: Lines.forLog(redactor), stderr: Lines.forLog(redactor) }
    let [written, tail] = [0, [] as ReadonlyArray<string>]
    yield* Stream.runForEach(process.output, ({ stream, data }) =>
      Effect.flatMap(Turns.inPieces(data, splitters[stream].push), (lines) =>
        attempt(async () => {
          tail = [...tail, ...lines].slice(-8)
          const text = lines.map((line) => `${line}\n`).join("")
          written += text.length
          await Records.log(folder, text, written)
        })
      )
    )
    const exit = yield* process.exit
    if (exit.code !== 0) {
      const how =
        exit.code !== null
          ? `exited ${exit.code}`
          : exit.reason === "timeout"
            ? "ran longer than its time limit"
            : `was ended${exit.detail === undefined ? ` by ${exit.signal ?? exit.reason}` : `: ${exit.detail}`}`
      return yield* invalid(
        "build",
        `the build ${how}: ${[...tail, ...splitters.stdout.end(), ...splitters.stderr.end()].join(" | ") || "it printed nothing"}`
      )
    }
  }, Effect.scoped)

  /** The folder that is served: copied from the build's files, unless that was done before. */
  const publish = (folder: string, from: string) =>
    attempt(async () => {
      const site = join(folder, Records.siteName)
      if (ConfinedTree.isFolder(site)) return site
      const files = Records.filesOf(folder)
      const { workDir } = sandbox.inside({ files, home: join(folder, "home"), filesReadOnly: false })
      // Links and hard links are copied as what they lead to: without a limit a copy could be many times the build.
      const { bytes, depth, files: most } = ConfinedCopy.defaultLimits
      await ConfinedCopy.publish({
        files,
        inside: workDir,
        publish: from,
        into: folder,
        name: Records.siteName,
        limits: { bytes: Math.min(bytes, sandbox.budget.diskBytes), files: Math.min(most, sandbox.budget.files), depth }
      })
      return site
    })

  /** Brings a completed release up: for a service, starts it. The scope of the result ends it. */
  const bringUp = Effect.fnUntraced(function* (projectId: Ids.ProjectId, record: Records.ReleaseRecord) {
    const scope = yield* Scope.make()
    const folder = Records.folderOf(dataDir, projectId, record.environment, record.id)
    const files = Records.filesOf(folder)
    const { config } = record
    const start = Effect.gen(function* () {
      if (config.kind === "static")
        return {
          live: { kind: "static", id: record.id, root: yield* publish(folder, config.publish) } as const,
          service: null
        }
      if (!sandbox.networks.includes(serviceNetwork)) return yield* ServiceRunner.unsupported
      // Two processes never run one release: what it writes has one writer.
      yield* FileLock.take(Records.lockOf(dataDir, projectId, record)).pipe(
        Effect.timeoutOrElse({
          duration: lockPatience,
          orElse: () =>
            Effect.fail(
              fail({ _tag: "Conflict", message: `the service of release ${record.id} runs in another process` })
            )
        })
      )
      yield* sandbox.adoptTree(files)
      const env = yield* attempt(() => Records.readEnv(dataDir, projectId, record))
      const service = yield* ServiceRunner.supervise(sandbox, dataDir, record.id, {
        account: `${projectId}.live`,
        files,
        start: config.start,
        env,
        network: serviceNetwork
      })
      yield* attempt(() => Records.writeHome(dataDir, projectId, record, service.home))
      return { live: { kind: "node", id: record.id, connect: service.connect } as const, service }
    })
    const { live, service } = yield* Scope.provide(start, scope).pipe(
      Effect.onError(() => Scope.close(scope, Exit.void))
    )
    return { live, service, scope }
  })

  const checkStatic = Effect.fnUntraced(function* (root: string, health: string) {
    if (!(yield* attempt(async () => StaticSite.has(root, health))))
      return yield* invalid("health", `the release has no file for ${health}`)
  })

  const install = Effect.fnUntraced(function* (
    target: RepositoryTarget,
    record: Records.ReleaseRecord,
    up: { readonly live: LiveRelease; readonly scope: Scope.Closeable }
  ) {
    const key = keyOf(target.projectId, record.environment)
    if (up.live.kind === "node")
      yield* attempt(() => Records.markService(dataDir, target.projectId, record.environment))
    yield* attempt(() => Records.switchTo(dataDir, target.projectId, record.environment, record.id))
    const before = running.get(key)
    running.set(key, { live: up.live, record, scope: up.scope })
    yield* Effect.flatMap(Quarantine, (quarantine) =>
      quarantine.clear(target.projectId, liveIn(target.projectId, record.environment).part)
    )
    if (before !== undefined) yield* Scope.close(before.scope, Exit.void)
  })

  const readConfig = Effect.fnUntraced(function* (target: RepositoryTarget, sha: Sha) {
    const port = <A, E extends { readonly reason: LocalFailure["reason"] }>(effect: Effect.Effect<A, E>) =>
      Effect.mapError(effect, (error) => fail(error.reason))
    const paths = (yield* port(git.listTree(target, sha))).map((entry) => entry.path)
    if (!paths.includes(ReleaseConfig.file)) {
      return (
        ReleaseConfig.guess(paths) ??
        (yield* invalid(
          ReleaseConfig.file,
          "the repository has neither rdev.yaml nor an index.html in dist, public or its root; add rdev.yaml with kind, build and publish or start"
        ))
      )
    }
    const files = yield* port(git.readFiles(target, sha, ""))
    return yield* attempt(async () =>
      ReleaseConfig.parse(Buffer.from(files.get(ReleaseConfig.file) ?? new Uint8Array(0)).toString("utf8"))
    )
  })

  const release = Effect.fnUntraced(function* (
    target: RepositoryTarget,
    request: Request,
    folder: string,
    id: Ids.ReleaseId
  ) {
    yield* sandbox.mayWrite
    const config = yield* readConfig(target, request.sha)
    yield* Checkout.write(target, request.sha, Records.filesOf(folder)).pipe(Effect.provideService(GitObjects, git))
    yield* sandbox.ownFolder(join(folder, "home"))
    yield* sandbox.ownTree(Records.filesOf(folder))
    yield* building.withPermit(build(target.projectId, folder, config.build))
    yield* attempt(() => ConfinedTree.remove(join(folder, "home")))
    yield* attempt(() => Records.writeEnv(dataDir, target.projectId, request.environment, id, request.env))
    const record: Records.ReleaseRecord = {
      id,
      environment: request.environment,
      sha: request.sha,
      url: options.urlOf(hostOf(target.name, request.environment)),
      deployedAtMillis: yield* Clock.currentTimeMillis,
      config
    }
    const up = yield* bringUp(target.projectId, record)
    const check =
      up.service === null
        ? checkStatic(up.live.kind === "static" ? up.live.root : "", config.health)
        : Effect.scoped(ServiceRunner.awaitHealthy(up.service, config.health, options.healthTimeoutMillis ?? 30_000))
    const settle = Effect.gen(function* () {
      yield* check
      yield* attempt(() => Records.write(dataDir, target.projectId, record))
      yield* attempt(() => Records.writeKey(dataDir, target.projectId, request.environment, request.key, id))
      yield* install(target, record, up)
      // A site is a copy: what it was built from is only disk used up.
      if (config.kind === "static") yield* attempt(() => ConfinedTree.remove(Records.filesOf(folder)))
    })
    yield* settle.pipe(Effect.onError(() => Scope.close(up.scope, Exit.void)))
    return record
  })

  const deploy = Effect.fnUntraced(function* (target: RepositoryTarget, request: Request) {
    const { projectId } = target
    const there = yield* attempt(() => Records.releaseOfKey(dataDir, projectId, request.environment, request.key))
    if (there !== null)
      return Records.view(
        there,
        (yield* attempt(() => Records.current(dataDir, projectId, request.environment))) === there.id
      )
    if ((yield* marks([projectId])).length === 0) {
      const createdAtMillis = yield* Clock.currentTimeMillis
      yield* attempt(() => Records.writeMark(dataDir, projectId, { name: target.name, createdAtMillis }))
    }
    const id = yield* NewId.make("rel")
    const folder = Records.folderOf(dataDir, projectId, request.environment, id)
    const record = yield* release(target, request, folder, id).pipe(
      Effect.onError(() => Effect.ignore(attempt(() => ConfinedTree.remove(folder))))
    )
    const { damaged, records } = yield* releasesOf(projectId, request.environment)
    yield* attempt(() => Records.prune(dataDir, projectId, request.environment, records, damaged))
    return Records.view(record, true)
  })

  const rollback = Effect.fnUntraced(function* (target: RepositoryTarget, environment: EnvironmentName) {
    const { records } = yield* releasesOf(target.projectId, environment)
    const live = yield* attempt(() => Records.current(dataDir, target.projectId, environment))
    const before = live === null ? undefined : records.filter((record) => record.id < live).at(-1)
    if (before === undefined) return yield* notFound(`there is no release before the live one in ${environment}`)
    const up = yield* bringUp(target.projectId, before)
    const check =
      up.service === null
        ? Effect.void
        : Effect.scoped(
            ServiceRunner.awaitHealthy(up.service, before.config.health, options.healthTimeoutMillis ?? 30_000)
          )
    yield* Effect.andThen(check, install(target, before, up)).pipe(
      Effect.onError(() => Scope.close(up.scope, Exit.void))
    )
    return Records.view(before, true)
  })

  const currentRecord = async (projectId: string, environment: EnvironmentName) => {
    const id = await Records.current(dataDir, projectId, environment)
    return id === null ? null : Records.read(dataDir, projectId, environment, id)
  }
  /** The same; one that cannot be read is as good as none, so that a sync deploys again. What is damaged was reported when it was looked for at the start. */
  const readableRecord = (projectId: string, environment: EnvironmentName) =>
    currentRecord(projectId, environment).catch((cause: unknown) => {
      if (cause instanceof DamagedRecord) return null
      throw cause
    })
  /** What is live now, by the records: another process may have released it, and may run it. */
  const liveNow = async (projectId: string, environment: EnvironmentName) => {
    const here = running.get(keyOf(projectId, environment))
    if (here !== undefined && (await Records.current(dataDir, projectId, environment)) === here.record.id) return here
    const record = await readableRecord(projectId, environment)
    if (record === null) return null
    if (record.config.kind === "static") {
      const root = join(Records.folderOf(dataDir, projectId, environment, record.id), Records.siteName)
      return ConfinedTree.isFolder(root) ? { record, live: { kind: "static", id: record.id, root } as const } : null
    }
    const home = await Records.readHome(dataDir, projectId, record)
    return {
      record,
      live: {
        kind: "node",
        id: record.id,
        connect: ServiceRunner.connectTo(home ?? join(dataDir, "run", "none"))
      } as const
    }
  }

  const verify = Effect.fnUntraced(function* (target: RepositoryTarget, environment: EnvironmentName) {
    const there = yield* attempt(() => liveNow(target.projectId, environment))
    if (there === null)
      return {
        healthy: false,
        checks: [{ name: "release", ok: false, detail: `nothing is released to ${environment}` }]
      } satisfies Health
    const { live, record } = there
    const path = record.config.health
    const checked =
      live.kind === "static"
        ? yield* attempt(async () => StaticSite.has(live.root, path)).pipe(
            Effect.map((ok) => ({ ok, detail: ok ? "served" : "there is no such file" }))
          )
        : yield* ServiceRunner.probe(live.connect, path).pipe(
            Effect.map((status) => ({
              ok: status !== null && status >= 200 && status < 300,
              detail: status === null ? "nothing answers" : `answered ${status}`
            }))
          )
    const checks = [
      { name: "release", ok: true, detail: record.id },
      { name: `GET ${path}`, ...checked }
    ]
    return { healthy: checks.every(({ ok }) => ok), checks } satisfies Health
  })

  const remove = Effect.fnUntraced(function* (target: RepositoryTarget) {
    for (const environment of Records.environments) {
      const there = running.get(keyOf(target.projectId, environment))
      running.delete(keyOf(target.projectId, environment))
      if (there !== undefined) yield* Scope.close(there.scope, Exit.void)
      yield* attempt(() => Records.unmarkService(dataDir, target.projectId, environment))
    }
    yield* attempt(() => ConfinedTree.remove(Records.projectFolder(dataDir, target.projectId)))
  })

  yield* Scope.addFinalizer(
    layerScope,
    Effect.suspend(() =>
      Effect.forEach(running.values(), ({ scope }) => Scope.close(scope, Exit.void), {
        concurrency: "unbounded",
        discard: true
      })
    )
  )
  /** Brings a live release up here, unless another process runs its service. */
  const keep = Effect.fnUntraced(function* (projectId: Ids.ProjectId, record: Records.ReleaseRecord) {
    if (
      record.config.kind === "node" &&
      (yield* attempt(async () => FileLock.isHeld(Records.lockOf(dataDir, projectId, record))))
    )
      return
    const { live, scope } = yield* bringUp(projectId, record)
    running.set(keyOf(projectId, record.environment), { live, record, scope })
  })
  const kept = (projectId: Ids.ProjectId, record: Records.ReleaseRecord) =>
    Effect.catch(keep(projectId, record), (failure) =>
      Effect.andThen(
        Effect.sync(() => {
          pausedUntil.set(record.id, performance.now() + pauseMillis)
        }),
        Damaged.report(liveIn(projectId, record.environment), failure)
      )
    )
  /** Not while somebody deploys or removes the project: the next look comes soon. */
  const undisturbed = (projectId: Ids.ProjectId, effect: Effect.Effect<void, LocalFailure>) =>
    Effect.acquireUseRelease(
      attempt(async () => FileLock.tryTake(FileLock.pathOf(dataDir, `deploy-${projectId}`))),
      (release) => (release === null ? Effect.void : effect),
      (release) => Effect.sync(() => release?.())
    )
  const keepCurrent = (projectId: Ids.ProjectId, environment: EnvironmentName) =>
    undisturbed(
      projectId,
      Effect.gen(function* () {
        const record = yield* attempt(() => currentRecord(projectId, environment))
        if (record?.config.kind === "node") yield* attempt(() => Records.markService(dataDir, projectId, environment))
        else yield* attempt(() => Records.unmarkService(dataDir, projectId, environment))
        if (
          record !== null &&
          running.get(keyOf(projectId, environment))?.record.id !== record.id &&
          (pausedUntil.get(record.id) ?? 0) <= performance.now()
        )
          yield* kept(projectId, record)
      })
    )
  /** One record that cannot be read is its project's trouble alone. */
  const keepOrReport = (projectId: Ids.ProjectId, environment: EnvironmentName) =>
    Effect.catchIf(keepCurrent(projectId, environment), Damaged.isDamage, (failure) =>
      Damaged.report(liveIn(projectId, environment), failure)
    )
  const pausedUntil = new Map<string, number>()
  /** Ends services that another process superseded or removed; takes over those whose process ended. */
  const look = Effect.gen(function* () {
    for (const [key, { record, scope }] of running) {
      const [projectId = ""] = key.split("/")
      if ((yield* attempt(() => Records.current(dataDir, projectId, record.environment))) === record.id) continue
      running.delete(key)
      yield* Scope.close(scope, Exit.void)
    }
    for (const { environment, projectId } of yield* attempt(() => Records.services(dataDir))) {
      const id = yield* attempt(() => Records.current(dataDir, projectId, environment))
      if (running.get(keyOf(projectId, environment))?.record.id !== id) yield* keepOrReport(projectId, environment)
    }
  })

  // What was live before the server stopped is live again; a service that does not come up is retried by its supervisor.
  for (const projectId of yield* attempt(() => Records.projectIds(dataDir))) {
    for (const environment of Records.environments) yield* keepOrReport(projectId, environment)
  }
  yield* Effect.forkScoped(
    Effect.forever(
      Effect.andThen(
        Effect.sleep(keepMillis),
        Effect.catch(look, (failure) =>
          Effect.logWarning("services could not be looked after; this is tried again", failure.reason)
        )
      )
    )
  )

  const verb = <A>(operation: string, effect: Effect.Effect<A, LocalFailure>): Effect.Effect<A, DeployerError> =>
    effect.pipe(
      Effect.mapError(
        (failure) =>
          new DeployerError({ operation: `Deployer.${operation}`, reason: failure.reason, cause: failure.cause })
      ),
      Effect.withSpan(`Deployer.${operation}`)
    )
  const deployer = Deployer.of({
    deploy: (target, request) => verb("deploy", exclusive(target, deploy(target, request))),
    observe: (target, environment) =>
      verb(
        "observe",
        Effect.map(
          attempt(() => readableRecord(target.projectId, environment)),
          (record) => Option.map(Option.fromNullishOr(record), (one): Release => Records.view(one, true))
        )
      ),
    verify: (target, environment) => verb("verify", verify(target, environment)),
    rollback: (target, environment) => verb("rollback", exclusive(target, rollback(target, environment))),
    remove: (target) => verb("remove", exclusive(target, remove(target))),
    list: verb(
      "list",
      Effect.map(
        Effect.flatMap(
          attempt(() => Records.projectIds(dataDir)),
          marks
        ),
        (found) =>
          found.map(({ projectId, name, createdAtMillis }) => ({ projectId, externalId: name, createdAtMillis }))
      )
    )
  })
  const releases = LiveReleases.of({
    find: async (projectId, environment) => (await liveNow(projectId, environment))?.live ?? null
  })
  return Context.make(Deployer, deployer).pipe(Context.add(LiveReleases, releases))
})

const asError = (failure: LocalFailure) =>
  new DeployerError({ operation: "LocalDeployer.layer", reason: failure.reason, cause: failure.cause })

export const layerNoDeps = (
  options: DeployOptions
): Layer.Layer<Deployer | LiveReleases, DeployerError, GitObjects | Sandbox.Sandbox> =>
  Layer.effectContext(Effect.mapError(make(options), asError))

/** With a sandbox of its own. The forge can be any. */
export const layer = (options: Options): Layer.Layer<Deployer | LiveReleases, DeployerError, GitObjects> =>
  Layer.provide(layerNoDeps(options), Layer.effect(Sandbox.Sandbox, Effect.mapError(Sandbox.make(options), asError)))
