/** What a feature's pull request says. That it closes the issue is the forge's to do, by the words that forges know for it. */
import { Effect, Option } from "effect"
import type { ProjectId } from "../../domain/Ids.ts"
import { IssueStore } from "../../ports/stores/IssueStore.ts"

export const textOf = (slug: string, issue: number | null): string =>
  `Feature \`${slug}\`. Its specification, plan and history are in \`.sdlc/features/${slug}\`.${issue === null ? "" : `\n\nCloses #${issue}`}`

export const bodyOf = (projectId: ProjectId, slug: string) =>
  Effect.map(
    Effect.flatMap(IssueStore, (store) => store.bySlug(projectId, slug)),
    (link) => textOf(slug, Option.getOrNull(Option.map(link, ({ number }) => number)))
  )
