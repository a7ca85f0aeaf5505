/** What the test's GitHub has, and what it answers each route with. */
import { randomBytes } from "node:crypto"
import { renameSync, rmSync } from "node:fs"
import { join } from "node:path"
import { sampleOf } from "./Description.ts"
import { Actions } from "./FakeActions.ts"
import * as FakeGit from "./FakeGit.ts"

type Told = Record<string, unknown>
export interface Answer {
  readonly status: number
  readonly body?: unknown
  readonly headers?: Record<string, string>
}
export interface Asked {
  readonly parameters: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  readonly body: Told
  readonly token: string
}
interface Pull {
  readonly number: number
  readonly head: string
  readonly base: string
  title: string
  body: string
  state: "open" | "closed"
  mergedAt: string | null
  mergeSha: string | null
  headSha: string
  draft: boolean
  /** The heads that were tried: the answer to the first question after a move is not known yet. */
  tried: string
}
export interface Repository {
  readonly id: number
  owner: string
  name: string
  description: string | null
  topics: ReadonlyArray<string>
  private: boolean
  defaultBranch: string
  readonly createdAt: string
  readonly pulls: Map<number, Pull>
  readonly statuses: Map<string, Array<Told>>
  readonly comments: Array<{ readonly id: number; readonly issue: number; readonly login: string; body: string }>
  readonly hooks: Map<number, Told>
  readonly rulesets: Map<number, Told>
  readonly issues: Map<number, FakeIssue>
  readonly labels: Set<string>
  /** Of collaborators. */
  readonly people: Map<string, "admin" | "write" | "read">
}
export interface FakeIssue {
  readonly number: number
  title: string
  body: string
  state: "open" | "closed"
  readonly login: string
  labels: ReadonlyArray<string>
  assignees: ReadonlyArray<string>
  readonly events: Array<{ readonly event: string; readonly actor: string; readonly what: string }>
}
interface Token {
  readonly repositories: ReadonlySet<number> | null
  readonly permissions: Readonly<Record<string, string>>
  readonly login: string
}

export const refuse = (status: number, message: string, errors?: ReadonlyArray<Told>): Answer => ({
  status,
  body: {
    message,
    documentation_url: "https://docs.github.com/rest",
    ...(errors === undefined ? { status: String(status) } : { errors })
  }
})
const notFound = refuse(404, "Not Found")

export class State {
  readonly app = "Iv23liTest"
  readonly appId = 4242
  readonly owner = "acme"
  readonly person = "ada"
  origin = ""
  noDrafts = false
  /** Of the App's installation. */
  permissions: Record<string, string> = {
    administration: "write",
    contents: "write",
    issues: "write",
    metadata: "read",
    pull_requests: "write",
    repository_hooks: "write",
    statuses: "write",
    workflows: "write"
  }
  ownerType: "Organization" | "User" = "Organization"
  readonly actions: Actions
  readonly #root: string
  readonly repositories = new Map<number, Repository>()
  /** Names that were given up, by the repository that had them. */
  readonly moved = new Map<string, number>()
  readonly tokens = new Map<string, Token>()
  #next = 1000

  constructor(root: string) {
    this.#root = root
    this.actions = new Actions(root, () => this.next())
  }
  next = () => ++this.#next
  directory = ({ name, owner }: Repository) => join(this.#root, owner, `${name}.git`)
  find = (owner: string, name: string) =>
    [...this.repositories.values()].find(
      (one) => one.owner.toLowerCase() === owner.toLowerCase() && one.name.toLowerCase() === name.toLowerCase()
    ) ?? null
  lives = (token: string) => this.tokens.has(token)
  may = (token: string, repository: number, write: boolean) => {
    const found = this.tokens.get(token)
    return (
      found !== undefined &&
      (found.repositories?.has(repository) ?? true) &&
      (found.permissions["contents"] === "write" || (!write && found.permissions["contents"] === "read"))
    )
  }
  /** As GitHub's own redirects name a repository. */
  byNumber = (path: string): Record<string, string> | null => {
    const id = /^\/repositories\/(\d+)$/.exec(path)?.[1]
    const found = this.repositories.get(Number(id))
    return found === undefined ? null : { owner: found.owner, repo: found.name }
  }
  create = (owner: string, name: string, told: Told): Repository => {
    const repository: Repository = {
      id: this.next(),
      owner,
      name,
      description: (told["description"] as string | undefined) ?? null,
      topics: [],
      private: told["private"] === true,
      defaultBranch: "main",
      createdAt: new Date().toISOString(),
      pulls: new Map(),
      statuses: new Map(),
      comments: [],
      hooks: new Map(),
      rulesets: new Map(),
      issues: new Map(),
      labels: new Set(),
      people: new Map()
    }
    FakeGit.init(this.directory(repository))
    this.repositories.set(repository.id, repository)
    this.moved.delete(`${owner}/${name}`)
    return repository
  }
  rename = (repository: Repository, name: string) => {
    const before = this.directory(repository)
    this.moved.set(`${repository.owner}/${repository.name}`, repository.id)
    repository.name = name
    renameSync(before, this.directory(repository))
  }
  remove = (repository: Repository) => {
    rmSync(this.directory(repository), { recursive: true })
    this.repositories.delete(repository.id)
  }
  token = (repositories: ReadonlySet<number> | null, permissions: Readonly<Record<string, string>>, login: string) => {
    const token = `ghs_${randomBytes(24).toString("hex")}`
    this.tokens.set(token, { repositories, permissions, login })
    return token
  }
}

const userOf = (login: string, type = "Bot") => sampleOf("simple-user", { login, type })
const viewOf = (state: State, schema: string, one: Repository): Told => {
  const there = FakeGit.branches(state.directory(one))
  return sampleOf(schema, {
    id: one.id,
    name: one.name,
    full_name: `${one.owner}/${one.name}`,
    owner: userOf(one.owner, state.ownerType),
    description: one.description,
    private: one.private,
    topics: one.topics,
    created_at: one.createdAt,
    clone_url: `${state.origin}/${one.owner}/${one.name}.git`,
    // The first branch of an empty repository becomes its default.
    default_branch: there.includes(one.defaultBranch) ? one.defaultBranch : (there[0] ?? one.defaultBranch)
  })
}
const pages = (
  asked: Asked,
  url: string,
  all: ReadonlyArray<unknown>
): { list: ReadonlyArray<unknown>; headers: Record<string, string> } => {
  const [size, page] = [Number(asked.query.get("per_page") ?? 30), Number(asked.query.get("page") ?? 1)]
  const more = all.length > page * size
  return {
    list: all.slice((page - 1) * size, page * size),
    headers: more ? { link: `<${url}?page=${page + 1}>; rel="next"` } : {}
  }
}

const headOf = (state: State, repository: Repository, pull: Pull): string => {
  if (pull.mergedAt === null) {
    const now = FakeGit.head(state.directory(repository), pull.head)
    if (now !== null) pull.headSha = now
  }
  return pull.headSha
}
const pullOf = (state: State, schema: string, repository: Repository, pull: Pull): Told => {
  const directory = state.directory(repository)
  const [sha, base] = [headOf(state, repository, pull), FakeGit.head(directory, pull.base) ?? ""]
  const tried = `${sha} ${base}`
  const known = pull.tried === tried
  pull.tried = tried
  const merged = pull.mergedAt !== null
  const mergeable =
    merged || pull.state === "closed" || !known ? null : FakeGit.mergedTree(directory, base, sha) !== null
  const view = viewOf(state, "repository", repository)
  return sampleOf(schema, {
    number: pull.number,
    title: pull.title,
    body: pull.body,
    state: pull.state,
    merged_at: pull.mergedAt,
    merge_commit_sha: pull.mergeSha ?? (known ? "f".repeat(40) : null),
    head: {
      label: `${repository.owner}:${pull.head}`,
      ref: pull.head,
      sha,
      repo: view,
      user: userOf(repository.owner)
    },
    base: {
      label: `${repository.owner}:${pull.base}`,
      ref: pull.base,
      sha: base,
      repo: view,
      user: userOf(repository.owner)
    },
    html_url: `${state.origin}/${repository.owner}/${repository.name}/pull/${pull.number}`,
    user: userOf("rdev-test[bot]"),
    draft: pull.draft,
    node_id: `PR_${repository.id}_${pull.number}`,
    ...(schema === "pull-request" ? { mergeable, merged } : {})
  })
}

type Handler = (state: State, repository: Repository, asked: Asked) => Answer
const ok = (body: unknown, headers: Record<string, string> = {}): Answer => ({ status: 200, body, headers })
const made = (body: unknown): Answer => ({ status: 201, body })
const text = (value: unknown): string => (typeof value === "string" ? value : "")

const createPull: Handler = (state, repository, { body }) => {
  const directory = state.directory(repository)
  const [head, base] = [text(body["head"]), text(body["base"])]
  for (const [field, branch] of [
    ["head", head],
    ["base", base]
  ] as const)
    if (FakeGit.head(directory, branch) === null)
      return refuse(422, "Validation Failed", [{ resource: "PullRequest", field, code: "invalid" }])
  if (FakeGit.isBehind(directory, base, head))
    return refuse(422, "Validation Failed", [
      { resource: "PullRequest", code: "custom", message: `No commits between ${base} and ${head}` }
    ])
  if ([...repository.pulls.values()].some((one) => one.state === "open" && one.head === head && one.base === base))
    return refuse(422, "Validation Failed", [
      {
        resource: "PullRequest",
        code: "custom",
        message: `A pull request already exists for ${repository.owner}:${head}.`
      }
    ])
  const number = repository.pulls.size + 1
  // Not every plan has drafts for repositories that are private.
  if (body["draft"] === true && state.noDrafts)
    return refuse(422, "Validation Failed", [
      { resource: "PullRequest", code: "custom", message: "Draft pull requests are not supported in this repository." }
    ])
  const pull: Pull = {
    number,
    head,
    base,
    title: text(body["title"]),
    body: text(body["body"]),
    state: "open",
    mergedAt: null,
    mergeSha: null,
    draft: body["draft"] === true,
    headSha: FakeGit.head(directory, head) ?? "",
    tried: ""
  }
  repository.pulls.set(number, pull)
  return made(pullOf(state, "pull-request", repository, pull))
}
const mergePull: Handler = (state, repository, { body, parameters }) => {
  const pull = repository.pulls.get(Number(parameters["pull_number"]))
  if (pull === undefined) return notFound
  const directory = state.directory(repository)
  const [head, base] = [headOf(state, repository, pull), FakeGit.head(directory, pull.base) ?? ""]
  if (pull.state !== "open") return refuse(405, "Pull Request is not mergeable")
  if (pull.draft) return refuse(405, "Pull Request is still a draft")
  if (body["sha"] !== undefined && body["sha"] !== head)
    return { status: 409, body: { message: "Head branch was modified. Review and try the merge again." } }
  const tree = FakeGit.mergedTree(directory, base, head)
  if (tree === null) return { status: 405, body: { message: "Pull Request has merge conflicts" } }
  const title = `Merge pull request #${pull.number} from ${repository.owner}/${pull.head}`
  pull.mergeSha = FakeGit.mergeInto(directory, pull.base, base, head, tree, title)
  pull.state = "closed"
  pull.mergedAt = new Date().toISOString()
  return ok(
    sampleOf("pull-request-merge-result", {
      sha: pull.mergeSha,
      merged: true,
      message: "Pull Request successfully merged"
    })
  )
}
const patchPull: Handler = (state, repository, { body, parameters }) => {
  const pull = repository.pulls.get(Number(parameters["pull_number"]))
  if (pull === undefined) return notFound
  if (
    body["state"] === "open" &&
    (pull.mergedAt !== null || FakeGit.head(state.directory(repository), pull.head) === null)
  )
    return refuse(422, "Validation Failed", [{ resource: "PullRequest", field: "state", code: "invalid" }])
  if (body["state"] === "open" || body["state"] === "closed") pull.state = body["state"]
  return ok(pullOf(state, "pull-request", repository, pull))
}

const commentOf = ({ body, id, login }: Repository["comments"][number]) =>
  sampleOf("issue-comment", { id, body, user: userOf(login) })
const hookOf = (id: number, told: Told): Told => {
  const { secret, ...config } = told["config"] as Told
  return sampleOf("hook", {
    id,
    active: told["active"] ?? true,
    events: told["events"] ?? ["push"],
    config: { ...config, ...(secret === undefined ? {} : { secret: "********" }) }
  })
}
const rulesetOf = (id: number, told: Told) =>
  sampleOf("repository-ruleset", { id, name: told["name"], enforcement: told["enforcement"], source: "acme/x" })
const statusOf = (told: Told, schema: string) =>
  sampleOf(schema, {
    context: told["context"] ?? "default",
    state: told["state"],
    description: told["description"] ?? null,
    target_url: told["target_url"] ?? null
  })
const setStatus: Handler = (state, repository, { body, parameters }) => {
  const sha = parameters["sha"] ?? ""
  if (!FakeGit.isCommit(state.directory(repository), sha)) return refuse(422, `No commit found for SHA: ${sha}`)
  repository.statuses.set(sha, [body, ...(repository.statuses.get(sha) ?? [])])
  return made(statusOf(body, "status"))
}
const combined: Handler = (state, repository, asked) => {
  const sha = asked.parameters["ref"] ?? ""
  if (!FakeGit.isCommit(state.directory(repository), sha)) return refuse(422, `No commit found for SHA: ${sha}`)
  const newest = new Map<unknown, Told>()
  for (const one of repository.statuses.get(sha) ?? []) if (!newest.has(one["context"])) newest.set(one["context"], one)
  const { headers, list } = pages(asked, state.origin, [...newest.values()])
  return ok(
    sampleOf("combined-commit-status", {
      state: "pending",
      sha,
      total_count: newest.size,
      statuses: list.map((one) => statusOf(one as Told, "simple-commit-status")),
      repository: viewOf(state, "minimal-repository", repository)
    }),
    headers
  )
}

const issueOf = (state: State, repository: Repository, one: FakeIssue) =>
  sampleOf("issue", {
    number: one.number,
    title: one.title,
    body: one.body,
    state: one.state,
    user: userOf(one.login, "User"),
    labels: one.labels.map((name) => ({ name })),
    assignees: one.assignees.map((login) => userOf(login, "User")),
    html_url: `${state.origin}/${repository.owner}/${repository.name}/issues/${one.number}`
  })
const issueEventOf = ({ actor, event, what }: FakeIssue["events"][number]) =>
  event.endsWith("labeled")
    ? sampleOf("labeled-issue-event", { event, actor: userOf(actor, "User"), label: { name: what, color: "fff" } })
    : sampleOf("assigned-issue-event", {
        event,
        actor: userOf(actor, "User"),
        assignee: userOf(what, "User"),
        assigner: userOf(actor, "User")
      })
/** What GitHub's other API is asked for: its description is not the REST API's, and one mutation is all. */
export const graphql = (
  state: State,
  { query, variables }: { query: string; variables: Record<string, string> }
): Answer => {
  if (!query.startsWith("mutation ($id: ID!) { markPullRequestReadyForReview(input: { pullRequestId: $id })"))
    return { status: 200, body: { errors: [{ message: `unknown: ${query}` }] } }
  const [, repository, number] = /^PR_(\d+)_(\d+)$/.exec(variables["id"] ?? "") ?? []
  const pull = state.repositories.get(Number(repository))?.pulls.get(Number(number))
  if (pull === undefined)
    return {
      status: 200,
      body: { data: null, errors: [{ type: "NOT_FOUND", message: "Could not resolve to a node" }] }
    }
  pull.draft = false
  return { status: 200, body: { data: { markPullRequestReadyForReview: { clientMutationId: null } } } }
}

const place = "/repos/{owner}/{repo}"
const issue = `${place}/issues/{issue_number}/comments`
const ofRepository: Readonly<Record<string, Handler>> = {
  [`GET ${place}`]: (state, one) => ok(viewOf(state, "full-repository", one)),
  [`PATCH ${place}`]: (state, one, { body }) => {
    if (typeof body["description"] === "string") one.description = body["description"] || null
    if (typeof body["default_branch"] === "string") {
      if (FakeGit.head(state.directory(one), body["default_branch"]) === null)
        return refuse(422, "Validation Failed", [{ resource: "Repository", field: "default_branch", code: "invalid" }])
      one.defaultBranch = body["default_branch"]
    }
    return ok(viewOf(state, "full-repository", one))
  },
  [`DELETE ${place}`]: (state, one) => {
    state.remove(one)
    return { status: 204 }
  },
  [`PUT ${place}/topics`]: (_, one, { body }) => {
    one.topics = body["names"] as ReadonlyArray<string>
    return ok({ names: one.topics })
  },
  [`GET ${place}/pulls`]: (state, one, asked) => {
    const [of, head, base] = [asked.query.get("state") ?? "open", asked.query.get("head"), asked.query.get("base")]
    const all = [...one.pulls.values()].filter(
      (pull) =>
        (of === "all" || pull.state === of) &&
        (head === null || head === `${one.owner}:${pull.head}`) &&
        (base === null || base === pull.base)
    )
    const { headers, list } = pages(asked, state.origin, all)
    return ok(
      list.map((pull) => pullOf(state, "pull-request-simple", one, pull as Pull)),
      headers
    )
  },
  [`POST ${place}/pulls`]: createPull,
  [`GET ${place}/pulls/{pull_number}`]: (state, one, { parameters }) => {
    const pull = one.pulls.get(Number(parameters["pull_number"]))
    return pull === undefined ? notFound : ok(pullOf(state, "pull-request", one, pull))
  },
  [`PATCH ${place}/pulls/{pull_number}`]: patchPull,
  [`PUT ${place}/pulls/{pull_number}/merge`]: mergePull,
  [`POST ${place}/statuses/{sha}`]: setStatus,
  [`GET ${place}/commits/{ref}/status`]: combined,
  [`GET ${issue}`]: (state, one, asked) => {
    const number = Number(asked.parameters["issue_number"])
    if (!one.pulls.has(number) && !one.issues.has(number)) return notFound
    const { headers, list } = pages(
      asked,
      state.origin,
      one.comments.filter((comment) => comment.issue === number)
    )
    return ok(
      list.map((comment) => commentOf(comment as Repository["comments"][number])),
      headers
    )
  },
  [`POST ${issue}`]: (state, one, { body, parameters, token }) => {
    const number = Number(parameters["issue_number"])
    if (!one.pulls.has(number) && !one.issues.has(number)) return notFound
    const comment = {
      id: state.next(),
      issue: number,
      login: state.tokens.get(token)?.login ?? "",
      body: text(body["body"])
    }
    one.comments.push(comment)
    return made(commentOf(comment))
  },
  [`PATCH ${place}/issues/comments/{comment_id}`]: (_, one, { body, parameters }) => {
    const comment = one.comments.find(({ id }) => id === Number(parameters["comment_id"]))
    if (comment === undefined) return notFound
    comment.body = text(body["body"])
    return ok(commentOf(comment))
  },
  [`GET ${place}/issues`]: (state, one, asked) => {
    // Everything here has changed just now.
    const isNow = Date.parse(asked.query.get("since") ?? "1970-01-01T00:00:00Z") <= Date.now()
    const changed = isNow ? [...one.issues.values()] : []
    const { headers, list } = pages(asked, state.origin, changed)
    return ok(
      list.map((found) => issueOf(state, one, found as FakeIssue)),
      headers
    )
  },
  [`GET ${place}/issues/{issue_number}`]: (state, one, { parameters }) => {
    const found = one.issues.get(Number(parameters["issue_number"]))
    return found === undefined ? notFound : ok(issueOf(state, one, found))
  },
  [`GET ${place}/issues/{issue_number}/events`]: (state, one, asked) => {
    const found = one.issues.get(Number(asked.parameters["issue_number"]))
    if (found === undefined) return notFound
    const { headers, list } = pages(asked, state.origin, found.events)
    return ok(
      list.map((event) => issueEventOf(event as FakeIssue["events"][number])),
      headers
    )
  },
  [`GET ${place}/collaborators/{username}/permission`]: (_, one, { parameters }) => {
    const level = one.people.get(parameters["username"] ?? "")
    return level === undefined
      ? notFound
      : ok(sampleOf("repository-collaborator-permission", { permission: level, role_name: level, user: null }))
  },
  [`POST ${place}/labels`]: (_, one, { body }) => {
    const name = text(body["name"])
    if (one.labels.has(name))
      return refuse(422, "Validation Failed", [{ resource: "Label", code: "already_exists", field: "name" }])
    one.labels.add(name)
    return made(sampleOf("label", { name, color: body["color"], description: body["description"] ?? null }))
  },
  [`GET ${place}/hooks`]: (state, one, asked) => {
    const { headers, list } = pages(asked, state.origin, [...one.hooks])
    return ok(
      list.map((entry) => hookOf(...(entry as [number, Told]))),
      headers
    )
  },
  [`POST ${place}/hooks`]: (state, one, { body }) => {
    const url = (body["config"] as Told)["url"]
    if ([...one.hooks.values()].some((hook) => (hook["config"] as Told)["url"] === url))
      return refuse(422, "Validation Failed", [
        { resource: "Hook", code: "custom", message: "Hook already exists on this repository" }
      ])
    const id = state.next()
    one.hooks.set(id, body)
    return made(hookOf(id, body))
  },
  [`PATCH ${place}/hooks/{hook_id}`]: (_, one, { body, parameters }) => {
    const id = Number(parameters["hook_id"])
    if (!one.hooks.has(id)) return notFound
    one.hooks.set(id, { ...one.hooks.get(id), ...body })
    return ok(hookOf(id, one.hooks.get(id) ?? {}))
  },
  [`DELETE ${place}/hooks/{hook_id}`]: (_, one, { parameters }) =>
    one.hooks.delete(Number(parameters["hook_id"])) ? { status: 204 } : notFound,
  [`GET ${place}/rulesets`]: (state, one, asked) => {
    const { headers, list } = pages(asked, state.origin, [...one.rulesets])
    return ok(
      list.map((entry) => rulesetOf(...(entry as [number, Told]))),
      headers
    )
  },
  [`POST ${place}/rulesets`]: (state, one, { body }) => {
    const id = state.next()
    one.rulesets.set(id, body)
    return made(rulesetOf(id, body))
  },
  [`PUT ${place}/rulesets/{ruleset_id}`]: (_, one, { body, parameters }) => {
    const id = Number(parameters["ruleset_id"])
    if (!one.rulesets.has(id)) return notFound
    one.rulesets.set(id, body)
    return ok(rulesetOf(id, body))
  }
}

const installationOf = (state: State) =>
  sampleOf("installation", {
    id: 77,
    app_id: state.appId,
    app_slug: "rdev-test",
    target_type: state.ownerType,
    account: userOf(state.owner, state.ownerType),
    permissions: state.permissions,
    suspended_at: null
  })
const mint = (state: State, { body }: Asked): Answer => {
  const names = body["repositories"] as ReadonlyArray<string> | undefined
  const asked = (body["permissions"] as Record<string, string> | undefined) ?? state.permissions
  const found = names?.map((name) => state.find(state.owner, name)?.id)
  if (found?.some((id) => id === undefined))
    return refuse(
      422,
      "There is at least one repository that does not exist or is not accessible to the parent installation."
    )
  for (const [name, level] of Object.entries(asked))
    if (state.permissions[name] !== level && state.permissions[name] !== "write")
      return refuse(422, "The permissions requested are not granted to this installation.")
  const token = state.token(
    names === undefined ? null : new Set(found as ReadonlyArray<number>),
    asked,
    "rdev-test[bot]"
  )
  return made(
    sampleOf("installation-token", {
      token,
      expires_at: new Date(Date.now() + 3_600_000).toISOString().replace(/\.\d+Z$/, "Z"),
      permissions: asked,
      repository_selection: names === undefined ? "all" : "selected"
    })
  )
}
const create = (state: State, owner: string, { body }: Asked): Answer => {
  const name = text(body["name"])
  if (state.find(owner, name) !== null)
    return refuse(422, "Repository creation failed.", [
      { resource: "Repository", code: "custom", field: "name", message: "name already exists on this account" }
    ])
  return made(viewOf(state, "full-repository", state.create(owner, name, body)))
}
const list = (state: State, asked: Asked, schema: string) => {
  const all = [...state.repositories.values()].filter(({ owner }) => owner === state.owner)
  const { headers, list: page } = pages(asked, state.origin, all)
  return { headers, all: page.map((one) => viewOf(state, schema, one as Repository)), total: all.length }
}

const ofAccount: Readonly<Record<string, (state: State, asked: Asked) => Answer>> = {
  "GET /orgs/{org}/installation": (state, { parameters }) =>
    parameters["org"] === state.owner && state.ownerType === "Organization" ? ok(installationOf(state)) : notFound,
  "GET /users/{username}/installation": (state, { parameters }) =>
    parameters["username"] === state.owner && state.ownerType === "User" ? ok(installationOf(state)) : notFound,
  "POST /app/installations/{installation_id}/access_tokens": mint,
  "DELETE /installation/token": (state, { token }) => {
    state.tokens.delete(token)
    return { status: 204 }
  },
  "GET /installation/repositories": (state, asked) => {
    const { all, headers, total } = list(state, asked, "repository")
    return ok({ total_count: total, repositories: all }, headers)
  },
  "GET /orgs/{org}/repos": (state, asked) => {
    const { all, headers } = list(state, asked, "minimal-repository")
    return ok(all, headers)
  },
  "GET /user/repos": (state, asked) => {
    const { all, headers } = list(state, asked, "repository")
    return ok(all, headers)
  },
  "GET /user": (state) => ok(sampleOf("public-user", { login: state.person, type: "User", id: 5 })),
  "GET /users/{username}": (state, { parameters }) =>
    parameters["username"] === state.owner
      ? ok(sampleOf("public-user", { login: state.owner, type: state.ownerType }))
      : notFound,
  "POST /orgs/{org}/repos": (state, asked) => create(state, asked.parameters["org"] ?? "", asked),
  "POST /user/repos": (state, asked) => create(state, state.owner, asked)
}

export const answer = (state: State, route: string, asked: Asked): Answer => {
  const ofOwner = ofAccount[route]
  if (ofOwner !== undefined) return ofOwner(state, asked)
  const { owner = "", repo = "" } = asked.parameters
  const repository = state.find(owner, repo)
  const moved = state.moved.get(`${owner}/${repo}`)
  if (repository === null && moved !== undefined)
    return {
      status: route.startsWith("GET ") ? 301 : 307,
      body: {
        message: "Moved Permanently",
        url: `${state.origin}/api/v3/repositories/${moved}`,
        documentation_url: "x"
      },
      headers: { location: `${state.origin}/api/v3/repositories/${moved}` }
    }
  const handler = ofRepository[route]
  if (repository === null) return notFound
  const ofActions = state.actions.answer(route, asked, repository, state.origin)
  if (ofActions !== null) return ofActions
  if (handler === undefined) throw new Error(`the server of the test has no ${route}`)
  const token = state.tokens.get(asked.token)
  return token?.repositories?.has(repository.id) === false ? notFound : handler(state, repository, asked)
}
