// lab: gitea
/** What only a hosted forge can meet: people who rename, tokens that open one repository and end, a token that is no longer good. */
import { assert, layer } from "@effect/vitest"
import { suite as adapterSuite } from "@rdev/conformance/adapter/AdapterSuite"
import { ProjectName } from "@rdev/core/domain/Project"
import * as NewId from "@rdev/core/ids/NewId"
import { BranchName, type RepositoryTarget } from "@rdev/core/ports/infra/Forge"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { Context, Effect, Layer, Option, Redacted } from "effect"
import { execFile } from "node:child_process"
import { join } from "node:path"
import adapter from "../src/adapter.ts"
import * as GiteaForge from "../src/GiteaForge.ts"
import * as Place from "../src/GiteaPlace.ts"
import * as GiteaTokens from "../src/GiteaTokens.ts"
import { client, folder, forge, organisation, token, url } from "./Lab.ts"

adapterSuite("gitea", adapter, {
  forge: {
    good: { url, token },
    bad: { url: "git.example.org", token },
    broken: { url, token: Redacted.make("0123456789012345678901234567890123456789") }
  },
  ci: {
    good: { url, token, runsOn: "lab", stepMinutes: 5 },
    bad: { runsOn: "two words" },
    broken: { url, token: Redacted.make("0123456789012345678901234567890123456789") }
  }
})

const main = BranchName.make("main")
/** As somebody's machine would run it. */
const git = (cwd: string, ...args: ReadonlyArray<string>) =>
  Effect.callback<{ readonly code: number; readonly text: string }>((resume) => {
    const env = {
      PATH: process.env["PATH"] ?? "",
      HOME: cwd,
      GIT_TERMINAL_PROMPT: "0",
      GIT_AUTHOR_NAME: "A",
      GIT_AUTHOR_EMAIL: "a@b",
      GIT_COMMITTER_NAME: "A",
      GIT_COMMITTER_EMAIL: "a@b"
    }
    execFile("git", [...args], { cwd, env }, (cause, stdout, stderr) =>
      resume(Effect.succeed({ code: cause === null ? 0 : Number(cause.code), text: stdout + stderr }))
    )
  })

const begin = Effect.gen(function* () {
  const [repositories, objects] = [yield* RepositoryHost, yield* GitObjects]
  const projectId = yield* NewId.make("proj")
  const target: RepositoryTarget = { projectId, name: ProjectName.make(`own-${projectId.slice(-10).toLowerCase()}`) }
  const repository = yield* repositories.ensure(target, {
    defaultBranch: main,
    files: [{ path: "a.txt", content: "a" }],
    message: "Start"
  })
  const head = Option.getOrThrow(yield* objects.head(target, main))
  return { repositories, objects, target, repository, head }
})
const withToken = (
  cloneUrl: string,
  { token, username }: { readonly token: Redacted.Redacted; readonly username: string }
) => cloneUrl.replace("://", `://${username}:${Redacted.value(token)}@`)

layer(Layer.orDie(forge), { excludeTestServices: true })("Gitea", (it) => {
  it.effect("a token opens one repository for its time, as far as it says", () =>
    Effect.gen(function* () {
      const one = yield* begin
      const other = yield* begin
      const place = yield* folder
      const write = yield* one.repositories.issueToken(one.target, "write", 600, "platform")
      const read = yield* one.repositories.issueToken(one.target, "read", 600, "platform")
      const cloned = yield* git(place, "clone", "-q", withToken(one.repository.cloneUrl, write), "one")
      assert.strictEqual(cloned.code, 0, cloned.text)
      assert.notStrictEqual(
        (yield* git(place, "clone", "-q", withToken(other.repository.cloneUrl, write), "x")).code,
        0
      )
      const clone = join(place, "one")
      yield* git(clone, "commit", "-q", "--allow-empty", "-m", "by hand")
      const pushed = yield* git(clone, "push", "-q", withToken(one.repository.cloneUrl, read), "HEAD:refs/heads/no")
      assert.notStrictEqual(pushed.code, 0, "a read token does not push")
      const good = yield* git(clone, "push", "-q", "origin", "HEAD:refs/heads/work")
      assert.strictEqual(good.code, 0, good.text)
      const sha = (yield* git(clone, "rev-parse", "HEAD")).text.trim()
      assert.strictEqual((yield* one.objects.listTree(one.target, sha)).length, 1, "what a person pushed is found")
      yield* one.repositories.protect(one.target, { branch: main, requiredStatuses: [] })
      assert.notStrictEqual((yield* git(clone, "push", "-q", "origin", "HEAD:refs/heads/main")).code, 0, "protected")
      const api = (path: string, body: object) =>
        Effect.promise(() =>
          fetch(`${url}/api/v1/repos/${organisation}/${one.target.name}${path}`, {
            method: "POST",
            headers: { authorization: `token ${Redacted.value(write.token)}`, "content-type": "application/json" },
            body: JSON.stringify(body)
          })
        )
      yield* api("/pulls", { head: "work", base: "main", title: "past the gates" })
      const opened = yield* one.repositories.ensurePullRequest(one.target, {
        head: BranchName.make("work"),
        base: main,
        title: "past the gates",
        body: ""
      })
      const before = yield* one.objects.head(one.target, main)
      assert.isAtLeast((yield* api(`/pulls/${opened.number}/merge`, { Do: "merge" })).status, 400, "nobody else merges")
      assert.deepStrictEqual(yield* one.objects.head(one.target, main), before)
      yield* one.repositories.mergePullRequest(one.target, opened.number, opened.headSha)
      const short = yield* one.repositories.issueToken(one.target, "read", 1, "platform")
      yield* Effect.sleep("1100 millis")
      assert.isAtLeast(yield* GiteaTokens.sweep(Place.make({ url, token, organisation }), one.target.projectId), 1)
      assert.notStrictEqual((yield* git(place, "ls-remote", withToken(one.repository.cloneUrl, short))).code, 0)
      assert.strictEqual((yield* git(place, "ls-remote", withToken(one.repository.cloneUrl, read))).code, 0)
      yield* one.repositories.revokeTokens(one.target)
      assert.notStrictEqual((yield* git(place, "ls-remote", withToken(one.repository.cloneUrl, read))).code, 0)
    })
  )

  it.effect("a renamed repository is followed, and one that takes its name is not touched", () =>
    Effect.gen(function* () {
      const { objects, repositories, target } = yield* begin
      const path = `/repos/${organisation}/${target.name}`
      yield* client.call("PATCH", path, { body: { name: `${target.name}-moved` } })
      const head = Option.getOrThrow(yield* objects.head(target, main))
      const next = yield* objects.commit(target, {
        branch: main,
        expectedHead: head,
        changes: [{ path: "b.txt", content: "b" }],
        message: "after the move",
        author: { name: "A", email: "a@b" }
      })
      yield* client.call("POST", `/orgs/${organisation}/repos`, { body: { name: target.name, auto_init: true } })
      const observed = Option.getOrThrow(yield* repositories.observe(target))
      assert.include(observed.cloneUrl, "-moved")
      assert.deepStrictEqual(yield* objects.head(target, main), Option.some(next))
      yield* repositories.remove(target)
      assert.strictEqual((yield* client.call("GET", path)).status, 200, "the one of that name stays")
    })
  )

  it.effect("a token that was revoked is Unauthorized everywhere, and shown nowhere", () =>
    Effect.gen(function* () {
      const { target } = yield* begin
      const secret = "0123456789abcdef0123456789abcdef01234567"
      const services = yield* Layer.build(
        Layer.fresh(GiteaForge.layer({ dataDir: yield* folder, url, organisation, token: Redacted.make(secret) }))
      )
      const [repositories, objects] = [Context.get(services, RepositoryHost), Context.get(services, GitObjects)]
      for (const failure of [
        yield* Effect.flip(repositories.observe(target)),
        yield* Effect.flip(objects.head(target, main)),
        yield* Effect.flip(repositories.list)
      ]) {
        assert.strictEqual(failure.reason._tag, "Unauthorized", failure.message)
        assert.notInclude(JSON.stringify(failure), secret)
      }
    })
  )
})
