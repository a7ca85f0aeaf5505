/**
 * Pull requests as the forge said last: of a forge that tells what happens they are not asked for again until it told of something, or a
 * minute has gone. Only what our own pushes do not change is kept: the head of a pull request is not. Keeps the latest 1,000.
 */
import { Clock, Effect } from "effect"
import type { ForgeError, RepositoryTarget, Sha } from "../../../ports/infra/Forge.ts"
import { ForgeHooks } from "../../../ports/forge/ForgeHooks.ts"
import { ForgeNews } from "../../../ports/forge/ForgeNews.ts"
import { RepositoryHost } from "../../../ports/infra/RepositoryHost.ts"

export interface Pull {
  readonly number: number
  readonly state: "open" | "closed" | "merged"
  readonly mergeSha: Sha | null
}
interface Kept {
  readonly pull: Pull
  readonly generation: number
  readonly atMillis: number
}
const capacity = 1_000

export const make: Effect.Effect<
  (target: RepositoryTarget, number: number) => Effect.Effect<Pull, ForgeError>,
  never,
  RepositoryHost
> = Effect.gen(function* () {
  const host = yield* RepositoryHost
  const hooks = yield* ForgeHooks
  const news = yield* ForgeNews
  const kept = new Map<string, Kept>()
  const ask = (target: RepositoryTarget, number: number) =>
    Effect.map(host.pullRequest(target, number), ({ mergeSha, state }): Pull => ({ number, state, mergeSha }))
  // A forge on this machine is asked in less time than it takes to be told.
  if (hooks === null) return ask
  return Effect.fn("KnownPulls.pull")(function* (target: RepositoryTarget, number: number) {
    const { projectId } = target
    const key = `${projectId} ${number}`
    const [there, generation, now] = [kept.get(key), news.generation(projectId), yield* Clock.currentTimeMillis]
    const isGood =
      there !== undefined && there.generation === generation && now - there.atMillis < news.believedMillis(projectId)
    if (isGood) return there.pull
    const pull = yield* ask(target, number)
    kept.delete(key)
    // As old as the question: what was told meanwhile makes it old at once.
    kept.set(key, { pull, generation, atMillis: now })
    const [oldest] = kept.keys()
    if (kept.size > capacity && oldest !== undefined) kept.delete(oldest)
    return pull
  })
})
