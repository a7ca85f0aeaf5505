/**
 * The WorkspaceHost port on one machine: folders in the data folder, commands in the machine's sandbox.
 * `<dataDir>/workspaces/<projectId>/<name>/` holds `workspace.json`, `files` (the work folder) and `home`.
 * Workspaces outlive the server; their processes do not.
 */
import * as Ids from "@rdev/core/domain/Ids"
import * as NewId from "@rdev/core/ids/NewId"
import {
  type Command,
  type Workspace,
  WorkspaceError,
  WorkspaceHost,
  type WorkspaceSpec
} from "@rdev/core/ports/infra/WorkspaceHost"
import { Clock, Effect, Layer, Schema, Semaphore, Stream } from "effect"
import { readdir, rename } from "node:fs/promises"
import { join } from "node:path"
import * as ConfinedFiles from "../confined/ConfinedFiles.ts"
import * as ConfinedFolder from "../confined/ConfinedFolder.ts"
import * as ConfinedTree from "../confined/ConfinedTree.ts"
import * as Damaged from "../records/Damaged.ts"
import { attempt, fail, invalid, type LocalFailure, notFound } from "../LocalFailure.ts"
import * as RecordFile from "../records/RecordFile.ts"
import * as Sandbox from "../sandbox/Sandbox.ts"
import type { Folders } from "../sandbox/SandboxTypes.ts"

export type Options = Sandbox.Options

const Record = Schema.Struct({
  id: Ids.WorkspaceId,
  projectId: Ids.ProjectId,
  name: Schema.String.check(Schema.isPattern(/^[a-z0-9-]{1,63}$/)),
  network: Schema.Literals(["none", "loopback", "internet"]),
  memoryBytes: Schema.NullOr(Schema.Int),
  processes: Schema.NullOr(Schema.Int),
  diskBytes: Schema.NullOr(Schema.Int),
  createdAtMillis: Schema.Int
})
type Record = typeof Record.Type
const decode = Schema.decodeUnknownSync(Record)
const isProjectId = Schema.is(Ids.ProjectId)

/** Entries of a folder of the server's own; none when it is not there. */
const names = (folder: string): Promise<ReadonlyArray<string>> =>
  readdir(folder).catch((cause: unknown) => {
    if (ConfinedFolder.isMissing(cause)) return []
    throw cause
  })

export const make = Effect.fn("LocalWorkspaceHost.make")(function* (dataDir: string) {
  const sandbox = yield* Sandbox.Sandbox
  const lock = yield* Semaphore.make(1)
  const root = join(dataDir, "workspaces")
  const running = new Map<string, Set<Sandbox.Running>>()

  const verb = <A, R>(
    operation: string,
    effect: Effect.Effect<A, LocalFailure, R>
  ): Effect.Effect<A, WorkspaceError, R> =>
    effect.pipe(
      Effect.mapError(
        (failure) =>
          new WorkspaceError({ operation: `WorkspaceHost.${operation}`, reason: failure.reason, cause: failure.cause })
      ),
      Effect.withSpan(`WorkspaceHost.${operation}`)
    )
  const locate = (projectId: string, name: string) => {
    if (!isProjectId(projectId)) throw invalid("projectId", `${JSON.stringify(projectId)} is not a project id`)
    if (!/^[a-z0-9-]{1,63}$/.test(name))
      throw invalid("name", `expected lower-case letters, digits and hyphens, at most 63; got ${JSON.stringify(name)}`)
    return join(root, projectId, name)
  }
  const read = (projectId: string, name: string) =>
    attempt(async () => RecordFile.read(join(locate(projectId, name), "workspace.json"), decode))
  const foldersOf = (record: Record): Folders => {
    const base = locate(record.projectId, record.name)
    return { files: join(base, "files"), home: join(base, "home"), filesReadOnly: false }
  }
  const view = (record: Record): Workspace => ({
    id: record.id,
    projectId: record.projectId,
    name: record.name,
    workDir: sandbox.inside(foldersOf(record)).workDir,
    isolation: sandbox.isolation
  })
  /** All workspaces of a project together, and this one where it has a limit of its own. */
  const quotasOf = (record: Record, folders: Folders) => {
    const { diskBytes, files } = sandbox.budget
    return [
      { paths: [join(root, record.projectId)], bytes: diskBytes, files, what: "the project (all its workspaces)" },
      ...(record.diskBytes === null
        ? []
        : [{ paths: [folders.files, folders.home], bytes: record.diskBytes, files, what: `workspace ${record.name}` }])
    ]
  }
  /** The record behind a handle; a handle to a destroyed workspace is NotFound, also when another took its name. */
  const require = Effect.fnUntraced(function* (workspace: Workspace) {
    const record = yield* read(workspace.projectId, workspace.name)
    if (record === null || record.id !== workspace.id)
      return yield* notFound(`workspace ${workspace.name} of ${workspace.projectId} does not exist`)
    return record
  })
  const confined = (record: Record): ConfinedFiles.Confined => {
    const folders = foldersOf(record)
    return { root: folders.files, inside: sandbox.inside(folders).workDir, owner: sandbox.owner }
  }

  const ensure = Effect.fnUntraced(function* (spec: WorkspaceSpec) {
    if (!sandbox.networks.includes(spec.network))
      return yield* fail({
        _tag: "Unsupported",
        message: `network "${spec.network}" is not available here: no program brings up a loopback interface; install iproute2 (ip)`
      })
    const there = yield* read(spec.projectId, spec.name)
    const wanted: Record = {
      id: there?.id ?? (yield* NewId.make("ws")),
      projectId: spec.projectId,
      name: spec.name,
      network: spec.network,
      memoryBytes: spec.limits?.memoryBytes ?? null,
      processes: spec.limits?.processes ?? null,
      diskBytes: spec.limits?.diskBytes ?? null,
      createdAtMillis: there?.createdAtMillis ?? (yield* Clock.currentTimeMillis)
    }
    const folders = foldersOf(wanted)
    for (const folder of [folders.files, folders.home]) {
      yield* sandbox.adoptTree(folder)
      yield* sandbox.ownFolder(folder)
    }
    if (JSON.stringify(there) !== JSON.stringify(wanted))
      yield* attempt(() => RecordFile.write(join(locate(spec.projectId, spec.name), "workspace.json"), wanted))
    return view(wanted)
  })

  const start = Effect.fnUntraced(function* (workspace: Workspace, command: Command) {
    const record = yield* require(workspace)
    const folders = foldersOf(record)
    const { workDir } = sandbox.inside(folders)
    const cwd = yield* attempt(async () =>
      command.cwd === undefined || command.cwd === "" || command.cwd === "." || command.cwd === workDir
        ? workDir
        : join(workDir, ...ConfinedFiles.segmentsOf(command.cwd, workDir))
    ).pipe(
      Effect.mapError((failure) =>
        failure.reason._tag === "Invalid" ? invalid("cwd", failure.reason.message) : failure
      )
    )
    const process = yield* sandbox.start({
      folders,
      argv: command.argv,
      cwd,
      env: command.env ?? {},
      stdin: command.stdin ?? null,
      network: record.network,
      account: record.projectId,
      quotas: quotasOf(record, folders),
      timeoutMillis: command.timeoutMillis ?? null,
      limits: {
        ...(record.memoryBytes === null ? {} : { memoryBytes: record.memoryBytes }),
        ...(record.processes === null ? {} : { processes: record.processes }),
        ...(record.diskBytes === null ? {} : { fileBytes: record.diskBytes })
      }
    })
    const here = running.get(record.id) ?? new Set()
    running.set(record.id, here)
    here.add(process)
    yield* Effect.addFinalizer(() => Effect.sync(() => here.delete(process)))
    return {
      id: yield* NewId.make("exec"),
      output: Stream.mapError(
        process.output,
        (failure) =>
          new WorkspaceError({ operation: "WorkspaceHost.start", reason: failure.reason, cause: failure.cause })
      ),
      exit: process.exit,
      kill: process.kill
    }
  })

  const destroy = Effect.fnUntraced(function* (projectId: Ids.ProjectId, name: string) {
    const base = yield* attempt(async () => locate(projectId, name))
    // Destroying is how a damaged one is repaired: without its record it is not known which processes are its own.
    const record = yield* Damaged.unless(
      { projectId, part: `workspace ${name}`, repair: "It is being destroyed" },
      read(projectId, name)
    )
    if (record !== null) {
      yield* Effect.forEach(running.get(record.id) ?? [], (process) => process.kill, {
        concurrency: "unbounded",
        discard: true
      })
      running.delete(record.id)
    }
    const aside = join(root, `.gone-${yield* NewId.ulid}`)
    yield* attempt(async () => {
      const moved = await rename(base, aside).then(
        () => true,
        (cause: unknown) => {
          if (ConfinedFolder.isMissing(cause)) return false
          throw cause
        }
      )
      if (moved) await ConfinedTree.remove(aside)
    })
  })

  const list = Effect.gen(function* () {
    const places = yield* attempt(async () => {
      const projectIds = (await names(root)).filter((projectId) => isProjectId(projectId))
      return (
        await Promise.all(
          projectIds.map(async (projectId) => (await names(join(root, projectId))).map((name) => ({ projectId, name })))
        )
      ).flat()
    })
    const records = yield* Damaged.each(
      places,
      ({ name, projectId }) => ({
        projectId,
        part: `workspace ${name}`,
        repair:
          "Restore its workspace.json from a backup, or destroy the workspace: what was committed is in the repository"
      }),
      ({ name, projectId }) => RecordFile.read(join(root, projectId, name, "workspace.json"), decode)
    )
    return records.flatMap((record) => (record === null ? [] : [view(record)]))
  })

  // What an interrupted destroy left behind.
  yield* attempt(async () => {
    for (const name of await names(root)) if (name.startsWith(".gone-")) await ConfinedTree.remove(join(root, name))
  })

  return WorkspaceHost.of({
    ensure: (spec) => verb("ensure", lock.withPermit(ensure(spec))),
    start: (workspace, command) => verb("start", start(workspace, command)),
    readFile: (workspace, path) =>
      verb(
        "readFile",
        Effect.flatMap(require(workspace), (record) => attempt(() => ConfinedFiles.read(confined(record), path)))
      ),
    writeFile: (workspace, path, content) =>
      verb(
        "writeFile",
        Effect.flatMap(Effect.andThen(sandbox.mayWrite, require(workspace)), (record) =>
          attempt(() => ConfinedFiles.write(confined(record), path, content))
        )
      ),
    destroy: (projectId, name) => verb("destroy", lock.withPermit(destroy(projectId, name))),
    list: verb("list", list)
  })
})

const asError = (failure: LocalFailure) =>
  new WorkspaceError({ operation: "LocalWorkspaceHost.layer", reason: failure.reason, cause: failure.cause })

/** Over a Sandbox that is shared with other parts of this adapter. */
export const layerNoDeps = (options: {
  readonly dataDir: string
}): Layer.Layer<WorkspaceHost, WorkspaceError, Sandbox.Sandbox> =>
  Layer.effect(WorkspaceHost, Effect.mapError(make(options.dataDir), asError))

export const layer = (options: Options): Layer.Layer<WorkspaceHost, WorkspaceError> =>
  Layer.provide(layerNoDeps(options), Layer.effect(Sandbox.Sandbox, Effect.mapError(Sandbox.make(options), asError)))
