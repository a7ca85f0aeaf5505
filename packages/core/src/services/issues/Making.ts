/**
 * Makes the feature of an issue and its pull request, a draft, so that people see early where work goes. Each step is safe to run twice:
 * the link says what the feature is called before there is one.
 */
import { Effect } from "effect"
import { Slug } from "../../domain/FeatureIndex.ts"
import type { IssueLink } from "../../domain/forge/IssueLink.ts"
import { AgentHarness } from "../../ports/agents/AgentHarness.ts"
import { BranchName } from "../../ports/infra/Forge.ts"
import { RepositoryHost } from "../../ports/infra/RepositoryHost.ts"
import { ForgeNews } from "../../ports/forge/ForgeNews.ts"
import { IssueStore } from "../../ports/stores/IssueStore.ts"
import { Features } from "../Features.ts"
import { branchOf } from "../features/read/FeatureFiles.ts"
import type { Asked } from "./Asking.ts"
import { as, type Desk } from "./Desk.ts"
import * as Idea from "./Idea.ts"
import * as PullText from "./PullText.ts"

/** The link that the issue has from now on; whoever claims it second gets the first one's. */
export const claim = Effect.fn("Making.claim")(function* (desk: Desk, asked: Asked) {
  const { issue, project } = desk
  const trusted = yield* desk.mayWrite(issue.author)
  return yield* (yield* IssueStore).claim({
    projectId: project.id,
    number: issue.number,
    slug: Slug.make(Idea.slug(issue, trusted)),
    status: "claimed",
    askedBy: asked.by,
    agent: asked.agent,
    preset: asked.preset,
    readTo: asked.readTo,
    question: null,
    progress: null,
    note: null,
    pullRequest: null
  })
})

const ideaOf = Effect.fnUntraced(function* (desk: Desk) {
  const { comments, issue } = desk
  const said = yield* Effect.forEach(comments, ({ author, body }) =>
    Effect.map(desk.mayWrite(author), (trusted) => ({ author, body, trusted }))
  )
  const trusted = yield* desk.mayWrite(issue.author)
  const talk = said.filter(({ body }) => !/^\s*\/rdev\b/.test(body))
  return { title: Idea.titleOf(issue, trusted), description: Idea.ideaOf(issue, trusted, talk) }
})

/** Only so that people see it early: without one the work goes on, and it is opened when it is due. */
const openEarly = Effect.fnUntraced(function* (desk: Desk, link: IssueLink, title: string) {
  const { project, target } = desk
  const host = yield* RepositoryHost
  const opened = yield* host
    .ensurePullRequest(target, {
      head: branchOf(link.slug),
      base: BranchName.make(project.defaultBranch),
      title,
      body: PullText.textOf(link.slug, link.number),
      draft: true
    })
    .pipe(
      Effect.map(({ number }) => number),
      Effect.catchIf(
        (error) => !error.retryable,
        (error) => Effect.as(Effect.logInfo(`no pull request of ${link.slug} yet: ${error.message}`), null)
      )
    )
  const news = yield* ForgeNews
  news.moved(project.id)
  return opened
})

/** Why it cannot be made, or null. Of something that is away the error passes, and it is tried again. */
const created = Effect.fnUntraced(function* (
  desk: Desk,
  link: IssueLink,
  idea: { readonly title: string; readonly description: string }
) {
  const { agent, preset } = link
  if (agent !== null) {
    const known = yield* Effect.result((yield* AgentHarness).get(agent))
    if (known._tag === "Failure") return known.failure.message
  }
  return yield* (yield* Features)
    .create(desk.project.id, {
      ...idea,
      slug: link.slug,
      ...(agent === null ? {} : { agent }),
      ...(preset === null ? {} : { preset })
    })
    .pipe(
      as(desk, link.askedBy),
      Effect.as(null),
      Effect.catchTag("FeatureError", (error) =>
        // By an earlier attempt that did not come to its end.
        Effect.succeed(error.reason._tag === "AlreadyExists" ? null : error.message)
      )
    )
})

export const make = Effect.fn("Making.make")(function* (desk: Desk, link: IssueLink) {
  const store = yield* IssueStore
  const idea = yield* ideaOf(desk)
  const why = yield* created(desk, link, idea)
  const made: IssueLink =
    why !== null
      ? { ...link, status: "refused", note: why }
      : { ...link, status: "made", note: null, pullRequest: yield* openEarly(desk, link, idea.title) }
  yield* store.put(made)
  return made
})
