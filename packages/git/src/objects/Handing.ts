/** The verbs between a repository and the workspaces that agents work in. */
import type { BranchName, RepositoryTarget, Sha } from "@rdev/core/ports/infra/Forge"
import type { Handover } from "@rdev/core/ports/infra/GitObjects"
import { Effect } from "effect"
import * as GitBundle from "../GitBundle.ts"
import { invalid } from "../GitError.ts"
import * as GitHandover from "../GitHandover.ts"
import * as GitRefs from "../GitRefs.ts"
import { current, headOf, maybeHead, type Over } from "./Over.ts"

export const exportBundle = (over: Over) =>
  Effect.fnUntraced(function* (target: RepositoryTarget, branch: BranchName, since: Sha | null) {
    const repository = yield* current(over, target)
    if (since !== null && !GitRefs.isSha(since))
      return yield* invalid("since", `${JSON.stringify(since)} is not a commit id`)
    const head = yield* headOf(repository, branch)
    return yield* GitBundle.exportBundle(over.git, repository.directory, branch, head, since)
  })

export const importBundle = (over: Over) =>
  Effect.fnUntraced(function* (target: RepositoryTarget, bundle: Uint8Array) {
    const repository = yield* current(over, target)
    const sha = yield* GitBundle.importBundle(over.git, repository.directory, bundle)
    yield* over.written(repository)
    return sha
  })

export const prepareHandover = (over: Over) =>
  Effect.fnUntraced(function* (target: RepositoryTarget, head: Sha, handover: Handover) {
    const repository = yield* current(over, target)
    const upstream = handover.upstream === null ? null : yield* maybeHead(repository, handover.upstream)
    const prepared = yield* GitHandover.prepare(over.git, repository.directory, head, handover, upstream)
    yield* over.written(repository)
    return prepared
  })
