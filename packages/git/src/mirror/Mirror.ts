/**
 * Repositories whose truth lies at a hosted forge, each with a mirror in the data folder. Reads of branches look at the forge first, unless
 * somebody looked and nothing was told since (see ForgeNews); a commit is looked for there only when it is missing. Writes are pushes that name the old
 * value, so that a branch that moved is a Conflict and nothing is lost. A mirror is a cache: one that is lost or damaged is made anew.
 */
import type { ProjectId } from "@rdev/core/domain/Ids"
import type { RepositoryTarget } from "@rdev/core/ports/infra/Forge"
import { ForgeNews } from "@rdev/core/ports/forge/ForgeNews"
import type { ProjectName } from "@rdev/core/domain/Project"
import { Effect, Semaphore } from "effect"
import { randomBytes } from "node:crypto"
import { mkdir, rename, rm, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { isBroken } from "../classifyError.ts"
import type { Git } from "../Git.ts"
import { attempt, fail, type GitError } from "../GitError.ts"
import * as GitGuard from "../GitGuard.ts"
import { updateRefs } from "../GitRefs.ts"
import type { GitRepository, Where } from "../GitRepository.ts"
import * as Advertised from "./Advertised.ts"
import * as Remote from "./Remote.ts"

export interface Options {
  /** Folder of the mirrors, one per project; nothing else is in it. */
  readonly root: string
  /**
   * The target's repository at the forge, after asking there whose it is: NotFound when there is none, Foreign when it is not the
   * project's. What it answers may be remembered, unless it is asked anew.
   */
  readonly remote: (target: RepositoryTarget, anew: boolean) => Effect.Effect<Advertised.Remote, GitError>
  /** Whether something moved since the last look, and how long that is believed where nobody says so; default: for 2 s. */
  readonly news?: ForgeNews
  /** Instead of what the news say. */
  readonly freshMillis?: number
  /** The largest fetch; default 2 GiB. */
  readonly maxFetchBytes?: number
}

export interface Mirror extends Where {
  /** Something moved at the forge: the next read looks. */
  invalidate(projectId: ProjectId): Effect.Effect<void>
  /** The repository is gone: so is its mirror. */
  forget(projectId: ProjectId): Effect.Effect<void, GitError>
}

interface State {
  readonly turn: Semaphore.Semaphore
  /** When the look began that was last good; by the clock of `performance`. */
  lookedAt: number
  /** Of the news, when it began. */
  generation: number
}

const exists = (path: string) =>
  stat(path).then(
    () => true,
    (cause: unknown) => {
      if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return false
      throw cause
    }
  )

/** An empty mirror, built aside and renamed into place; another process may have been quicker. */
const create = Effect.fnUntraced(function* (git: Git, root: string, directory: string, defaultBranch: string) {
  const aside = join(root, `.new-${randomBytes(9).toString("hex")}`)
  yield* attempt(() => mkdir(root, { recursive: true, mode: 0o700 }))
  yield* git.run(aside, ["init", "--quiet", "--bare", "--template=", `--initial-branch=${defaultBranch}`, "--", aside])
  yield* attempt(async () => {
    await writeFile(join(aside, "config"), GitGuard.config)
    await rename(aside, directory).catch(async (cause: unknown) => {
      if (!(await exists(directory))) throw cause
      await rm(aside, { recursive: true, force: true })
    })
  })
})

const targetOf = ({ name, projectId }: GitRepository): RepositoryTarget => ({ projectId, name: name as ProjectName })
const heads = "refs/heads/"
const tags = "refs/tags/"

const local = (git: Git, directory: string): Effect.Effect<Advertised.Heads, GitError> =>
  Effect.map(
    git.text(directory, ["for-each-ref", "--format=%(refname) %(objectname)", heads]),
    (text) =>
      new Map(
        text.split("\n").flatMap((line) => {
          const [ref = "", sha = ""] = line.split(" ")
          return ref === "" ? [] : [[ref, sha] as const]
        })
      )
  )

/** Makes the folder's branches those that the forge lists: nothing is fetched when they are. */
const bringUp = Effect.fn("Mirror.bringUp")(function* (
  git: Git,
  directory: string,
  remote: Advertised.Remote,
  maxBytes: number
) {
  const there = yield* Advertised.list(remote)
  const here = yield* local(git, directory)
  const gone = [...here.keys()].filter((ref) => !there.has(ref))
  // Before the fetch: one branch cannot be a folder of another.
  if (gone.length > 0)
    yield* updateRefs(
      git,
      directory,
      gone.map((ref) => ({ ref, to: null }))
    )
  if ([...there].every(([ref, sha]) => here.get(ref) === sha)) return
  yield* Remote.fetch(git, directory, remote, maxBytes)
  const after = yield* local(git, directory)
  const missing = [...there.keys()].find((ref) => !after.has(ref))
  if (missing !== undefined)
    return yield* fail({
      _tag: "Unavailable",
      message: `${missing} was listed by the forge, and did not come when it was fetched`
    })
})

class Mirrors implements Mirror {
  readonly #git: Git
  readonly #options: Options
  readonly #news: ForgeNews
  readonly #states = new Map<string, State>()
  constructor(git: Git, options: Options) {
    this.#git = git
    this.#options = options
    this.#news = options.news ?? ForgeNews.defaultValue()
  }

  #directory(projectId: string): string {
    return join(this.#options.root, `${projectId}.git`)
  }
  #state(projectId: string): State {
    const state = this.#states.get(projectId) ?? {
      turn: Semaphore.makeUnsafe(1),
      lookedAt: Number.NEGATIVE_INFINITY,
      generation: 0
    }
    this.#states.set(projectId, state)
    return state
  }

  open = (target: RepositoryTarget): Effect.Effect<GitRepository, GitError> => {
    const directory = this.#directory(target.projectId)
    return Effect.gen({ self: this }, function* () {
      const { defaultBranch } = yield* this.#options.remote(target, false)
      if (!(yield* attempt(() => exists(directory))))
        yield* create(this.#git, this.#options.root, directory, defaultBranch)
      yield* GitGuard.check(directory, defaultBranch)
      return { directory, defaultBranch, projectId: target.projectId, name: target.name }
    })
  }

  /** Where the forge has moved it meanwhile, it is asked once more where. */
  #atForge = <A>(
    repository: GitRepository,
    work: (remote: Advertised.Remote) => Effect.Effect<A, GitError>
  ): Effect.Effect<A, GitError> => {
    const { remote } = this.#options
    const target = targetOf(repository)
    return Effect.flatMap(remote(target, false), work).pipe(
      Effect.catchIf(
        ({ reason }) => reason._tag === "NotFound" || reason._tag === "Unauthorized",
        (failure) =>
          Effect.flatMap(remote(target, true), (now) =>
            Effect.catchIf(
              work(now),
              ({ reason }) => reason._tag === "NotFound",
              () => Effect.fail(failure)
            )
          )
      )
    )
  }

  #fetch = (repository: GitRepository): Effect.Effect<void, GitError> => {
    const { maxFetchBytes = 2 * 1024 ** 3, root } = this.#options
    const { defaultBranch, directory } = repository
    const once = this.#atForge(repository, (remote) => bringUp(this.#git, directory, remote, maxFetchBytes))
    return Effect.catchIf(
      once,
      ({ cause }) => isBroken(cause),
      (failure) =>
        Effect.logWarning(`the mirror ${directory} is damaged and is made anew`, failure.reason).pipe(
          Effect.andThen(attempt(() => rm(directory, { recursive: true, force: true, maxRetries: 3 }))),
          Effect.andThen(create(this.#git, root, directory, defaultBranch)),
          Effect.andThen(once)
        )
    )
  }

  sync = (repository: GitRepository, now: boolean): Effect.Effect<void, GitError> =>
    Effect.suspend(() => {
      const state = this.#state(repository.projectId)
      const { projectId } = repository
      const asked = performance.now()
      const believed = this.#options.freshMillis ?? this.#news.believedMillis(projectId)
      const since = now ? asked : asked - believed
      const isGood = () => state.lookedAt >= since && state.generation === this.#news.generation(projectId)
      if (isGood()) return Effect.void
      return state.turn.withPermit(
        Effect.suspend(() => {
          // Somebody who waited for the same has looked meanwhile.
          if (isGood()) return Effect.void
          const [began, generation] = [performance.now(), this.#news.generation(projectId)]
          return Effect.tap(this.#fetch(repository), () =>
            Effect.sync(() => {
              state.lookedAt = began
              state.generation = generation
            })
          )
        })
      )
    })

  move: Where["move"] = (repository, updates) => {
    const state = this.#state(repository.projectId)
    const { directory } = repository
    const published = updates.filter(({ ref }) => ref.startsWith(heads) || ref.startsWith(tags))
    if (published.length === 0) return updateRefs(this.#git, directory, updates)
    const forgetLook = Effect.sync(() => {
      state.lookedAt = Number.NEGATIVE_INFINITY
    })
    return state.turn.withPermit(
      this.#atForge(repository, (remote) => Remote.push(this.#git, directory, remote, published)).pipe(
        Effect.andThen(
          // The forge has moved them. That the folder has not is cured by the next look.
          updateRefs(this.#git, directory, updates).pipe(Effect.catch(() => forgetLook))
        ),
        Effect.tapError(() => forgetLook)
      )
    )
  }

  invalidate = (projectId: ProjectId): Effect.Effect<void> =>
    Effect.sync(() => {
      this.#state(projectId).lookedAt = Number.NEGATIVE_INFINITY
    })

  forget = (projectId: ProjectId): Effect.Effect<void, GitError> => {
    const directory = this.#directory(projectId)
    const state = this.#state(projectId)
    return state.turn.withPermit(
      Effect.andThen(
        attempt(async () => {
          GitGuard.forget(directory)
          await rm(directory, { recursive: true, force: true, maxRetries: 3 })
        }),
        Effect.sync(() => {
          state.lookedAt = Number.NEGATIVE_INFINITY
        })
      )
    )
  }
}

export const make = (git: Git, options: Options): Mirror => new Mirrors(git, options)
