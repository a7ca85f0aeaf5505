/**
 * Tells core of every push that landed, also when the server is killed between the push and the telling: a push that was found good is
 * noted in the data folder before any ref moves, and the note leaves when it was told, or when nothing of it landed. Notes of a process
 * that is gone are settled by the next one. A push may be told twice, never not at all.
 */
import { ProjectId } from "@rdev/core/domain/Ids"
import { ForgeEvents } from "@rdev/core/ports/infra/ForgeEvents"
import type { RefCommand } from "@rdev/core/services/pushes/RefNames"
import { Effect, Schedule, Schema, type Scope } from "effect"
import { randomUUID } from "node:crypto"
import { mkdir, readdir, rm } from "node:fs/promises"
import { join } from "node:path"
import type { Git } from "@rdev/git/Git"
import * as LocalRepositories from "../forge/LocalRepositories.ts"
import { attempt, type LocalFailure } from "../LocalFailure.ts"
import * as FileLock from "../records/FileLock.ts"
import * as RecordFile from "../records/RecordFile.ts"

const Commands = Schema.Array(
  Schema.Struct({ ref: Schema.String, old: Schema.NullOr(Schema.String), next: Schema.NullOr(Schema.String) })
)
const Note = Schema.Struct({
  id: Schema.String,
  projectId: ProjectId,
  repository: Schema.String,
  commands: Commands,
  /** What git said that it moved; left out as long as it has said nothing. */
  moved: Schema.optionalKey(Commands),
  pusher: Schema.Struct({ id: Schema.String, name: Schema.String }),
  sourceAddress: Schema.NullOr(Schema.String)
})
type Note = typeof Note.Type
const decode = Schema.decodeUnknownSync(Note)

export interface Landing {
  readonly repository: LocalRepositories.LocalRepository
  readonly commands: ReadonlyArray<RefCommand>
  readonly pusher: { readonly id: string; readonly name: string }
  readonly sourceAddress: string | null
}
export interface PushReceipts {
  /** Notes a push that is about to land. */
  expect(landing: Landing): Effect.Effect<Receipt, LocalFailure>
}
export interface Receipt {
  /** Tells what of it landed, at the end of the push: what git said that it moved, or null when it said nothing. */
  settle(moved: ReadonlyArray<RefCommand> | null): Effect.Effect<void, LocalFailure>
}

/** How often it is looked for what could not be told, or what a process that is gone left. */
const sweepInterval = "1 minute"

/** Where git itself could not say it any more: refs that stand as the push wanted them, or have moved on from there. */
const standing = (git: Git, directory: string, commands: Note["commands"]) =>
  Effect.filter(commands, ({ next, ref }) =>
    Effect.gen(function* () {
      const { stdout } = yield* git.run(directory, ["for-each-ref", "--format=%(objectname)", ref])
      const now = stdout.toString("utf8").trim()
      if (next === null || now === "") return next === null && now === ""
      if (now === next) return true
      return (yield* git.run(directory, ["merge-base", "--is-ancestor", next, now], { accept: [0, 1, 128] })).code === 0
    })
  )

export const make = Effect.fn("PushReceipts.make")(function* (
  dataDir: string,
  git: Git
): Effect.fn.Return<PushReceipts, LocalFailure, Scope.Scope> {
  const sink = yield* ForgeEvents
  const folder = join(dataDir, "pushes")
  yield* attempt(() => mkdir(folder, { recursive: true, mode: 0o700 }))
  const lockOf = (id: string) => join(folder, `${id}.lock`)
  const noteOf = (id: string) => join(folder, `${id}.json`)

  const tell = Effect.fn("PushReceipts.tell")(function* (note: Note) {
    const repository = yield* LocalRepositories.observe(dataDir, note.repository)
    if (repository !== null && repository.projectId === note.projectId) {
      const refs = note.moved ?? (yield* standing(git, repository.directory, note.commands))
      if (refs.length > 0)
        yield* sink.pushed({
          id: note.id,
          projectId: note.projectId,
          refs,
          pusher: note.pusher,
          sourceAddress: note.sourceAddress
        })
    }
    yield* attempt(() => rm(noteOf(note.id), { force: true }))
  })
  const told = (note: Note) =>
    Effect.catch(tell(note), (error) =>
      Effect.logWarning(`a push to ${note.repository} could not be told of yet; it is tried again`, error).pipe(
        // By then the refs may have moved on, and only this knows what the push had moved.
        Effect.andThen(note.moved === undefined ? Effect.void : attempt(() => RecordFile.write(noteOf(note.id), note)))
      )
    )
  const free = (id: string, release: () => void) =>
    attempt(async () => {
      release()
      await rm(lockOf(id), { force: true })
    })

  const tellLeft = Effect.fnUntraced(function* (id: string) {
    const note = yield* attempt(() => RecordFile.readable(noteOf(id), decode))
    if (note === "damaged")
      yield* Effect.logWarning(
        `${noteOf(id)} is damaged: a push that it tells of may be missing among the events; remove it`
      )
    else if (note !== null) yield* told(note)
  })

  /** What nobody holds any more: its process is gone, or could not tell it. */
  const left = Effect.fn("PushReceipts.left")(function* () {
    const names = yield* attempt(() => readdir(folder))
    const ids = new Set(names.map((name) => name.split(".", 1)[0] ?? ""))
    for (const id of ids)
      yield* Effect.acquireUseRelease(
        attempt(async () => FileLock.tryTake(lockOf(id))),
        (release) => (release === null ? Effect.void : tellLeft(id)),
        (release) => (release === null ? Effect.void : free(id, release))
      )
  })
  yield* Effect.forkScoped(
    Effect.repeat(
      Effect.catch(left(), (error) => Effect.logWarning("pushes that were not told of cannot be looked for", error)),
      Schedule.spaced(sweepInterval)
    )
  )

  return {
    expect: ({ commands, pusher, repository, sourceAddress }) =>
      Effect.gen(function* () {
        const note: Note = {
          id: randomUUID(),
          projectId: repository.projectId,
          repository: repository.name,
          commands: [...commands],
          pusher: { id: pusher.id, name: pusher.name },
          sourceAddress
        }
        const release = yield* attempt(async () => FileLock.tryTake(lockOf(note.id)))
        yield* attempt(() => RecordFile.write(noteOf(note.id), note))
        return {
          settle: (moved) =>
            Effect.andThen(
              told(moved === null ? note : { ...note, moved: [...moved] }),
              free(note.id, release ?? (() => undefined))
            )
        }
      })
  }
})
