// lab: gitea
/**
 * A whole server on a real Gitea: a person opens an issue there and labels it, and from then on says what is to be done in comments. What
 * Gitea posts is all that the server hears of it: nothing is asked of its API meanwhile but to look.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Server from "../src/Server.ts"
import { fromEnvironment } from "../src/ServerConfig.ts"

const variable = (name: string): string => {
  const value = process.env[name]
  if (value === undefined) throw new Error(`${name} is not set: run npm run test:lab -- gitea`)
  return value
}
const gitea = variable("GITEA_URL")
const run = Math.random().toString(36).slice(2, 8)
const [organisation, ada, eve] = [`hooks-${run}`, `ada-${run}`, `eve-${run}`]
const password = "a long password of this run 1!"

type Json = Record<string, unknown>
const asked = async (path: string, init: RequestInit, who: string) => {
  const response = await fetch(`${gitea}/api/v1${path}`, {
    ...init,
    headers: {
      authorization: who === "" ? `token ${variable("GITEA_TOKEN")}` : `Basic ${btoa(`${who}:${password}`)}`,
      "content-type": "application/json"
    }
  })
  const text = await response.text()
  if (!response.ok && response.status !== 404) throw new Error(`${init.method} ${path}: ${response.status} ${text}`)
  return (text === "" ? {} : JSON.parse(text)) as never
}
const at = <A = Json>(method: string, path: string, body?: unknown, who = ""): Promise<A> =>
  asked(path, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }, who)

const dataDir = mkdtempSync(join(tmpdir(), "rdev-gitea-server-"))
const scope = Scope.makeUnsafe()
let [url, key] = ["", ""]
const call = async <A = Json>(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {}
): Promise<A> => {
  const response = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) })
  })
  return JSON.parse(await response.text()) as A
}
/** Looks again until it fits; what does not within the time is told with what was there. */
const until = async <A>(
  what: string,
  look: () => Promise<A>,
  fits: (found: A) => boolean,
  seconds = 120
): Promise<A> => {
  const end = Date.now() + seconds * 1000
  for (;;) {
    const found = await look()
    if (fits(found)) return found
    if (Date.now() > end) throw new Error(`${what}: ${JSON.stringify(found).slice(0, 2_000)}`)
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
}

beforeAll(async () => {
  await at("POST", "/orgs", { username: organisation })
  for (const username of [ada, eve])
    await at("POST", "/admin/users", { username, email: `${username}@lab.test`, password, must_change_password: false })
  const platform = join(dataDir, "platform.yaml")
  writeFileSync(
    platform,
    `forge: { use: gitea, url: "${gitea}", organisation: ${organisation}, token: { env: GITEA_TOKEN } }\n`
  )
  process.env["RDEV_PLATFORM"] = platform
  const config = fromEnvironment({
    RDEV_PORT: "0",
    RDEV_DATA_DIR: join(dataDir, "data"),
    RDEV_UNSAFE_HOST: "true",
    RDEV_DRAIN_SECONDS: "1"
  })
  const running = await Effect.runPromise(Scope.provide(Effect.flatMap(config, Server.start), scope))
  url = running.url
  key = running.newKey?.key ?? ""
}, 120_000)
afterAll(async () => {
  delete process.env["RDEV_PLATFORM"]
  await Effect.runPromise(Scope.close(scope, Exit.void))
  rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 })
  for (const { full_name } of await at<ReadonlyArray<{ readonly full_name: string }>>(
    "GET",
    `/orgs/${organisation}/repos`
  ))
    await at("DELETE", `/repos/${full_name}`)
  await at("DELETE", `/orgs/${organisation}`)
  for (const name of [ada, eve]) await at("DELETE", `/admin/users/${name}?purge=true`)
}, 60_000)

const gates: Readonly<Record<string, string>> = {
  "approve-spec": "spec",
  "approve-design": "design",
  "approve-tasks": "tasks",
  "approve-qa-plan": "qa-plan",
  "approve-start": "start",
  "approve-review": "human-review",
  "approve-qa": "uat",
  "approve-merge": "merge"
}

describe("an issue at a real Gitea", () => {
  it("becomes a pull request, is followed in its comments, and is closed by the merge", async () => {
    const repo = `/repos/${organisation}/shop`
    await call("POST", "/projects", { name: "shop" }, { prefer: "wait=60" })
    const project = await until(
      "the project",
      () => call("GET", "/projects/shop"),
      ({ status }) => status === "ready",
      90
    )
    const [hook] = await at<ReadonlyArray<{ readonly config: { readonly url: string } }>>("GET", `${repo}/hooks`)
    assert.strictEqual(hook?.config.url, `${url}/hooks/gitea/hook_${String(project["id"]).slice(5)}`)
    await at("PUT", `${repo}/collaborators/${ada}`, { permission: "write" })
    await at("PUT", `${repo}/collaborators/${eve}`, { permission: "read" })

    const opened = await at<{ readonly number: number }>(
      "POST",
      `${repo}/issues`,
      { title: "Say hello", body: "In French." },
      ada
    )
    const issue = `${repo}/issues/${opened.number}`
    await at("POST", `${issue}/comments`, { body: "/rdev run" }, eve)
    const labels = await at<ReadonlyArray<{ readonly id: number; readonly name: string }>>("GET", `${repo}/labels`)
    const label = labels.find(({ name }) => name === "rdev")
    assert.isDefined(label, "provisioning made the label")
    await at("POST", `${issue}/labels`, { labels: [label?.id] }, ada)

    const slug = `issue-${opened.number}-say-hello`
    interface Feature {
      readonly phase?: string
      readonly live?: boolean
      readonly decision?: { readonly action: string; readonly kind: string } | null
    }
    const feature = async (): Promise<Feature> =>
      (await call<{ readonly feature?: Feature }>("GET", `/projects/shop/sdlc/features/${slug}`)).feature ?? {}
    await until("the feature", feature, ({ phase }) => phase !== undefined)
    const pulls = () =>
      at<
        ReadonlyArray<{
          readonly number: number
          readonly body: string
          readonly draft: boolean
          readonly merged: boolean
          readonly state: string
        }>
      >("GET", `${repo}/pulls?state=all`)
    const [early] = await until("the draft", pulls, (all) => all.length > 0)
    assert.isTrue(early?.draft)
    assert.include(early?.body ?? "", `Closes #${opened.number}`)

    const said = new Set<string>()
    await until(
      "the release",
      async () => {
        const found = await feature()
        const gate = gates[found.decision?.action ?? ""]
        if (found.decision?.kind === "approve" && gate !== undefined && !said.has(gate)) {
          said.add(gate)
          await at("POST", `${issue}/comments`, { body: `/rdev approve ${gate}` }, eve)
          await at("POST", `${issue}/comments`, { body: `/rdev approve ${gate}` }, ada)
        }
        return found
      },
      ({ live, phase }) => phase === "released" && live === false,
      400
    )
    const closed = await until(
      "the issue",
      () => at<{ readonly state: string }>("GET", issue),
      ({ state }) => state === "closed"
    )
    assert.strictEqual(closed.state, "closed")
    const all = await pulls()
    assert.deepStrictEqual(
      all.map(({ merged, number }) => [number, merged]),
      [[early?.number ?? 0, true]]
    )
    const comments = await at<ReadonlyArray<{ readonly body: string }>>("GET", `${issue}/comments`)
    const progress = comments.filter(({ body }) => body.includes("<!-- rdev:progress -->"))
    assert.strictEqual(progress.length, 1, "one comment that is changed")
    const features = await call<{ readonly features: ReadonlyArray<{ readonly slug: string }> }>(
      "GET",
      "/projects/shop/sdlc/features"
    )
    assert.deepStrictEqual(
      features.features.map((one) => one.slug),
      [slug]
    )
    const events = await call<{ readonly events: ReadonlyArray<Json> }>(
      "GET",
      "/projects/shop/events?types=forge.issue,forge.label,forge.comment&limit=100"
    )
    assert.isTrue(events.events.some(({ by }) => by === `gitea:${ada}`))
  }, 600_000)

  it("tells of a push by a person at once, and takes its webhook away with the project", async () => {
    const repo = `/repos/${organisation}/shop`
    const content = Buffer.from("hi").toString("base64")
    await at("POST", `${repo}/contents/hello.txt`, { content, new_branch: "people/hello", message: "Say hi" }, ada)
    const pushed = await until(
      "the push",
      () =>
        call<{ readonly events: ReadonlyArray<Json> }>(
          "GET",
          "/projects/shop/events?types=repository.pushed&limit=100"
        ),
      ({ events }) => JSON.stringify(events).includes("people/hello"),
      30
    )
    assert.include(JSON.stringify(pushed), `gitea:${ada}`)
    await call("DELETE", "/projects/shop", undefined, { prefer: "wait=60" })
    await until(
      "the end",
      () => at<Json>("GET", repo),
      (found) => found["name"] === undefined,
      60
    )
  }, 180_000)
})
