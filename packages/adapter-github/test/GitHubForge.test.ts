/** The suites of the port and of adapters, on a server that holds every request and answer to GitHub's published description. */
import { suite as adapterSuite } from "@rdev/conformance/adapter/AdapterSuite"
import { type People, suite as issues } from "@rdev/conformance/infra/ForgeIssuesSuite"
import { suite as host } from "@rdev/conformance/infra/RepositoryHostSuite"
import { Effect, Layer, Redacted } from "effect"
import { generateKeyPairSync } from "node:crypto"
import type { RepositoryTarget } from "@rdev/core/ports/infra/Forge"
import * as Access from "../src/Access.ts"
import adapter from "../src/adapter.ts"
import * as Client from "../src/Client.ts"
import * as GitHubForge from "../src/GitHubForge.ts"
import * as Repositories from "../src/Repositories.ts"
import type { FakeGitHub } from "./FakeGitHub.ts"
import { Fake, forge, server } from "./World.ts"

const state: { fake: FakeGitHub | null } = { fake: null }
const layer = forge().pipe(
  Layer.provide(
    Layer.effect(
      Fake,
      Effect.tap(Fake, (fake) =>
        Effect.sync(() => {
          state.fake = fake
        })
      )
    ).pipe(Layer.provide(server))
  )
)

host("github", layer, {
  stranger: Effect.sync(() => {
    if (state.fake === null) throw new Error("the server of the test is not there yet")
    const name = `stranger-${state.fake.state.next()}`
    state.fake.state.create("acme", name, { description: "Somebody's" })
    return `acme/${name}`
  }),
  webhookEvents: ["push", "pull_request", "issues"],
  protects: true
})

const repositoryOf = ({ name }: RepositoryTarget) => {
  const found = state.fake?.state.find("acme", name)
  if (found === undefined || found === null) throw new Error(`there is no ${name}`)
  return found
}
const issueOf = (target: RepositoryTarget, number: number) => {
  const found = repositoryOf(target).issues.get(number)
  if (found === undefined) throw new Error(`there is no #${number}`)
  return found
}
const act = <A>(work: () => A) => Effect.sync(work)
const people: People = {
  writer: "ada",
  reader: "bob",
  stranger: "eve",
  letIn: (target, login, permission) =>
    act(() => permission !== "none" && repositoryOf(target).people.set(login, permission)),
  open: (target, login, { body, title }) =>
    act(() => {
      const number = 100 + repositoryOf(target).issues.size
      const issue = { number, title, body, state: "open" as const, login, labels: [], assignees: [], events: [] }
      repositoryOf(target).issues.set(number, issue)
      return number
    }),
  label: (target, actor, number, what) =>
    act(() => {
      const issue = issueOf(target, number)
      issue.labels = [...issue.labels, what]
      issue.events.push({ event: "labeled", actor, what })
    }),
  unlabel: (target, number, what) =>
    act(() => {
      const issue = issueOf(target, number)
      issue.labels = issue.labels.filter((one) => one !== what)
      issue.events.push({ event: "unlabeled", actor: "ada", what })
    }),
  assign: (target, actor, number, what) =>
    act(() => {
      const issue = issueOf(target, number)
      issue.assignees = [...issue.assignees, what]
      issue.events.push({ event: "assigned", actor, what })
    }),
  comment: (target, login, issue, body) =>
    act(() => repositoryOf(target).comments.push({ id: state.fake?.state.next() ?? 0, issue, login, body }))
}
issues("github", layer, Effect.succeed(people))

const { privateKey } = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs1", format: "pem" }
})
const token = Redacted.make("github_pat_11ABCDEFG0123456789abcdef")
// Port 9 of this machine answers nobody.
const nowhere = { owner: "acme", url: "http://127.0.0.1:9/api/v3" }
adapterSuite("github", adapter, {
  forge: {
    good: { ...nowhere, app: "Iv23li", privateKey: Redacted.make(privateKey) },
    bad: { owner: "no/name", url: "http://github.example.org", token },
    broken: { ...nowhere, token }
  },
  ci: {
    good: { runsOn: "ubuntu-latest", stepMinutes: 5 },
    bad: { stepMinutes: 0 },
    needs: Layer.sync(GitHubForge.Connection, () => {
      const client = Client.make({ url: nowhere.url })
      return { client, repositories: Repositories.make(Access.make(client, nowhere.owner, token)) }
    })
  }
})
