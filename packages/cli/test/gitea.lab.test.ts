// lab: gitea actions-runner
/** The whole way by the command line, with repositories and pipelines at a real Gitea: from nothing to a released feature. */
import { assert, describe, it } from "@effect/vitest"
import * as Server from "@rdev/server/Server"
import { fromEnvironment } from "@rdev/server/ServerConfig"
import { Effect } from "effect"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Command from "./Command.ts"

const variable = (name: string): string => {
  const value = process.env[name]
  if (value === undefined) throw new Error(`${name} is not set: run npm run test:lab -- gitea actions-runner`)
  return value
}
const [url, token] = [variable("GITEA_URL"), variable("GITEA_TOKEN")]
const organisation = `rdev-${Math.random().toString(36).slice(2, 10)}`

const api = async (method: string, path: string, body?: object): Promise<unknown> => {
  const answer = await fetch(`${url}/api/v1${path}`, {
    method,
    headers: { authorization: `token ${token}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) })
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
  return (text === "" ? null : JSON.parse(text)) as unknown
}
interface Named {
  readonly name: string
}
const repositories = () => api("GET", `/orgs/${organisation}/repos?limit=50`) as Promise<ReadonlyArray<Named>>
const organised = Effect.acquireRelease(
  Effect.promise(() => api("POST", "/orgs", { username: organisation })),
  () =>
    Effect.promise(async () => {
      for (const { name } of await repositories()) await api("DELETE", `/repos/${organisation}/${name}`)
      await api("DELETE", `/orgs/${organisation}`)
    })
)
const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "rdev-gitea-journey-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }))
)
const started = Effect.gen(function* () {
  yield* organised
  const dataDir = yield* folder
  const platform = join(dataDir, "platform.yaml")
  writeFileSync(
    platform,
    `forge: { use: gitea, url: ${url}, organisation: ${organisation}, token: { env: GITEA_TOKEN } }\nci: { use: gitea, runsOn: lab }\n`
  )
  const env = {
    RDEV_PORT: "0",
    RDEV_DATA_DIR: dataDir,
    RDEV_PLATFORM: platform,
    RDEV_UNSAFE_HOST: "true",
    RDEV_DRAIN_SECONDS: "1",
    GITEA_TOKEN: token
  }
  const server = yield* Effect.flatMap(fromEnvironment(env), Server.start)
  const rdev = (...args: ReadonlyArray<string>) =>
    Effect.promise(async () => {
      const ended = await Command.run(args, { HOME: dataDir, RDEV_URL: server.url, RDEV_DATA_DIR: dataDir })
      assert.strictEqual(ended.code, 0, `rdev ${args.join(" ")}: ${ended.out}${ended.err}`)
      return ended.out
    })
  const json = (...args: ReadonlyArray<string>) =>
    Effect.map(rdev(...args, "--json"), (out) => JSON.parse(out) as Readonly<Record<string, string>>)
  return { server, rdev, json }
})

/** Approves whatever waits for a person, until the feature is released. */
const drive = Effect.fnUntraced(function* ({ json, rdev }: Effect.Success<typeof started>, feature: string) {
  const actions: Array<string> = []
  for (let looks = 0; looks < 300; looks++) {
    const { action, actor, phase } = yield* json("next", "shop", feature)
    if (action !== undefined && actions.at(-1) !== action) actions.push(action)
    if (phase === "released") return actions
    if (actor === "human") yield* rdev("approve", "shop", feature, "--yes")
    yield* Effect.sleep("2 seconds")
  }
  return yield* Effect.die(new Error(`not released: ${actions.join(", ")}`))
})

describe("rdev with Gitea as forge and ci", () => {
  it.live(
    "takes a feature from nothing to released: repository, pull request, Actions, merge, release",
    () =>
      Effect.gen(function* () {
        const world = yield* started
        const adapters = yield* world.rdev("adapters")
        assert.match(adapters, /ci +gitea/)
        const made = performance.now()
        yield* world.rdev("projects", "create", "shop")
        const provisioned = performance.now()
        assert.deepStrictEqual(
          (yield* Effect.promise(repositories)).map(({ name }) => name),
          ["shop"]
        )
        yield* world.rdev("features", "create", "shop", "Say hello")
        const actions = yield* drive(world, "say-hello")
        const released = performance.now()
        console.log(
          `provisioned in ${Math.round(provisioned - made)} ms, released in ${Math.round(released - provisioned)} ms: ${actions.join(", ")}`
        )
        const runs = (yield* Effect.promise(() => api("GET", `/repos/${organisation}/shop/actions/runs`))) as {
          readonly workflow_runs: ReadonlyArray<{ readonly conclusion: string; readonly display_title: string }>
        }
        assert.isNotEmpty(runs.workflow_runs)
        assert.isTrue(runs.workflow_runs.every(({ conclusion }) => conclusion === "success"))
        const pulls = (yield* Effect.promise(() =>
          api("GET", `/repos/${organisation}/shop/pulls?state=all`)
        )) as ReadonlyArray<{
          readonly merged: boolean
        }>
        assert.deepStrictEqual(
          pulls.map(({ merged }) => merged),
          [true]
        )
        yield* world.rdev("projects", "delete", "shop", "--yes")
        assert.isEmpty(yield* Effect.promise(repositories), "nothing is left at Gitea")
      }),
    600_000
  )
})
