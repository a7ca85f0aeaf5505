/**
 * The policy that holds for a project's features: the last one that somebody with `sdlc:approve` accepted, made stricter by whatever
 * the default branch proposes. Read from the default branch and the store alone, never from a feature's branch; a commit that got
 * onto the default branch by any road, past the platform too, changes nothing here by itself.
 */
import type { Policy } from "@rdev/sdlc/model/Policy"
import { policyRev } from "@rdev/sdlc/model/Presets"
import { entryOf } from "@rdev/sdlc/repo/Trust"
import { Clock, Effect } from "effect"
import { type NewEvent, ofProject } from "../../domain/Event.ts"
import type { ProjectId } from "../../domain/Ids.ts"
import type { PolicyEntry } from "../../domain/PolicyEntry.ts"
import { platform, type Principal } from "../../domain/Principal.ts"
import { EventLog } from "../../ports/stores/EventLog.ts"
import type { RepositoryTarget, Sha } from "../../ports/infra/Forge.ts"
import type { FileChange } from "../../ports/infra/GitObjects.ts"
import { PolicyStore } from "../../ports/stores/PolicyStore.ts"
import { PlatformKey } from "../features/act/PlatformKey.ts"
import { RepositoryReader } from "../features/read/RepositoryReader.ts"
import * as PolicySeal from "./PolicySeal.ts"
import * as Proposal from "./Proposal.ts"

export interface PolicyInForce {
  /** What features are held to. */
  readonly policy: Policy
  readonly rev: string
  /** The last acceptance; null when none of this installation's can be found. */
  readonly accepted: PolicyEntry | null
  readonly written: Proposal.Written
  readonly proposal: Proposal.Proposal | null
}

interface Judged {
  readonly policy: Policy
  readonly rev: string
  readonly proposal: Proposal.Proposal | null
}

const maxKept = 128
/** Comparing two policies takes a millisecond, and a project's next action is asked for often. */
const judged = new Map<string, Judged>()
const remembered = (key: string, make: () => Judged): Judged => {
  const found = judged.get(key) ?? make()
  if (judged.size >= maxKept) judged.clear()
  judged.set(key, found)
  return found
}

interface Word {
  readonly word: PolicyEntry["word"]
  readonly digest: string
  readonly text: string | null
  readonly reason: string | null
}

/** Says something about the policy after what was said so far. Conflict when somebody was faster. */
export const say = Effect.fn("PolicyAuthority.say")(function* (
  projectId: ProjectId,
  after: number,
  word: Word,
  by: Pick<Principal, "id" | "name" | "type">
) {
  const entry = PolicySeal.seal(
    {
      ...word,
      projectId,
      number: after + 1,
      by: { id: by.id, name: by.name, type: by.type },
      atMillis: yield* Clock.currentTimeMillis
    },
    yield* PlatformKey
  )
  yield* (yield* PolicyStore).append(entry)
  return entry
})

/** The first acceptance, by the platform: the policy of the template that the repository starts with. Said once. */
export const seed = Effect.fn("PolicyAuthority.seed")(function* (
  projectId: ProjectId,
  files: ReadonlyArray<FileChange>
) {
  const store = yield* PolicyStore
  const written = Proposal.readFrom(
    new Map(files.flatMap(({ content, path }) => (content === null ? [] : [[path, content] as const])))
  )
  if (written.policy === null || (yield* store.standing(projectId)).length > 0) return
  yield* say(
    projectId,
    0,
    { word: "accepted", digest: written.digest, text: written.text, reason: "the template of the project" },
    platform
  ).pipe(
    Effect.catchIf(
      (error) => error.reason._tag === "Conflict",
      () => Effect.void
    )
  )
})

/** A project of an earlier version has the policy that it was held to until now. */
const adopt = Effect.fn("PolicyAuthority.adopt")(function* (projectId: ProjectId, written: Proposal.Written) {
  const store = yield* PolicyStore
  if (written.policy === null) return []
  yield* say(
    projectId,
    0,
    { word: "accepted", digest: written.digest, text: written.text, reason: "in force when acceptance was introduced" },
    platform
  ).pipe(
    Effect.catchIf(
      (error) => error.reason._tag === "Conflict",
      () => Effect.void
    )
  )
  return yield* store.standing(projectId)
})

const described = ({ problem, strengthens, weakens }: Proposal.Proposal): NewEvent["data"] => ({
  problem,
  weakens: weakens.slice(0, 50).map(({ field }) => field),
  strengthens: strengthens.slice(0, 50).map(({ field }) => field)
})

/** Tells once that another policy stands on the default branch; whoever is faster tells it. Answers with all that was said then. */
const announce = Effect.fn("PolicyAuthority.announce")(function* (
  projectId: ProjectId,
  entries: ReadonlyArray<PolicyEntry>,
  proposal: Proposal.Proposal,
  sha: Sha
) {
  if (entries.some((entry) => entry.word !== "accepted" && entry.digest === proposal.digest)) return entries
  const told = yield* say(
    projectId,
    entries.at(-1)?.number ?? 0,
    { word: "proposed", digest: proposal.digest, text: null, reason: null },
    platform
  ).pipe(
    Effect.catchIf(
      (error) => error.reason._tag === "Conflict",
      () => Effect.succeed(null)
    )
  )
  if (told === null) return yield* (yield* PolicyStore).standing(projectId)
  yield* (yield* EventLog).append(ofProject(projectId), [
    { type: "policy.proposed", subject: {}, data: { digest: proposal.digest, sha, ...described(proposal) } }
  ])
  return [...entries, told]
})

/** What holds with the default branch at this commit. */
export const standing = Effect.fn("PolicyAuthority.standing")(function* (
  projectId: ProjectId,
  target: RepositoryTarget,
  sha: Sha
) {
  const store = yield* PolicyStore
  const key = yield* PlatformKey
  const written = Proposal.readFrom(yield* (yield* RepositoryReader).state(target, sha))
  const found = yield* store.standing(projectId)
  const entries = found.length === 0 ? yield* adopt(projectId, written) : found
  const last = entries.find((entry) => entry.word === "accepted") ?? null
  const sealed = last !== null && PolicySeal.isSealed(last, key) ? last : null
  const rejected = new Set(
    entries.flatMap((entry) => (entry.word === "rejected" && PolicySeal.isSealed(entry, key) ? [entry.digest] : []))
  )
  const { policy, proposal, rev } = remembered(
    JSON.stringify([
      sealed === null ? ["unsealed", last?.text] : sealed.text,
      written.text,
      written.digest,
      [...rejected],
      key?.id
    ]),
    () => {
      const accepted = last?.text === undefined || last.text === null ? null : Proposal.parse(last.text).policy
      const base =
        sealed !== null && accepted !== null
          ? accepted
          : Proposal.cautious([accepted, written.policy].filter((one) => one !== null))
      const proposed = Proposal.compare(base, written, rejected)
      const holds = Proposal.inForce(base, written, proposed, key === null ? null : entryOf(key))
      return { policy: holds, proposal: proposed, rev: policyRev(holds) }
    }
  )
  const said = proposal === null ? entries : yield* announce(projectId, entries, proposal, sha)
  return { policy, rev, accepted: sealed, written, proposal, entries: said } satisfies PolicyInForce & {
    readonly entries: ReadonlyArray<PolicyEntry>
  }
})
