import { suite as builderSuite } from "@rdev/conformance/infra/BuilderSuite"
import { suite } from "@rdev/conformance/infra/DeployerSuite"
import { suite as routerSuite } from "@rdev/conformance/infra/RouterSuite"
import * as NewId from "@rdev/core/ids/NewId"
import { ProjectName } from "@rdev/core/domain/Project"
import { BranchName } from "@rdev/core/ports/infra/Forge"
import { Builder } from "@rdev/core/ports/infra/Builder"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { Effect, Layer, Option } from "effect"
import * as LocalBuilder from "../src/build/LocalBuilder.ts"
import * as LocalDeployer from "../src/release/LocalDeployer.ts"
import * as LocalRouter from "../src/edge/LocalRouter.ts"
import * as LocalForge from "../src/forge/LocalForge.ts"
import * as Sandbox from "../src/sandbox/Sandbox.ts"
import { withFolder } from "./TemporaryFolder.ts"

const main = BranchName.make("main")
const author = { name: "A", email: "a@b" }
let counter = 0

const local = withFolder((dataDir) =>
  Layer.mergeAll(
    LocalBuilder.layerNoDeps({ dataDir }),
    LocalDeployer.layerNoDeps({ dataDir, urlOf: (host) => `http://${host}:1/`, healthTimeoutMillis: 20_000 })
  ).pipe(
    Layer.provide(Sandbox.layer({ dataDir, unsafeHost: true })),
    Layer.provideMerge(LocalForge.layer({ dataDir, baseUrl: "http://127.0.0.1:1/git" }))
  )
)

/** Three commits: good, good, and one whose `file` makes it bad. */
const commits = (files: Readonly<Record<string, string>>, file: string, versions: readonly [string, string, string]) =>
  Effect.gen(function* () {
    const repositories = yield* RepositoryHost
    const git = yield* GitObjects
    counter += 1
    const target = { projectId: yield* NewId.make("proj"), name: ProjectName.make(`deploy-${counter}`) }
    yield* repositories.ensure(target, {
      defaultBranch: main,
      message: "Start",
      files: [...Object.entries(files), [file, versions[0]] as const].map(([path, content]) => ({ path, content }))
    })
    const first = Option.getOrThrow(yield* git.head(target, main))
    const second = yield* git.commit(target, {
      branch: main,
      expectedHead: first,
      changes: [{ path: file, content: versions[1] }],
      message: "2",
      author
    })
    const bad = yield* git.commit(target, {
      branch: main,
      expectedHead: second,
      changes: [{ path: file, content: versions[2] }],
      message: "3",
      author
    })
    return { target, first, second, bad }
  })
const prepare = (...given: Parameters<typeof commits>) =>
  Effect.gen(function* () {
    const builder = yield* Builder
    const { target, ...shas } = yield* commits(...given)
    const build = (sha: string) => builder.build(target, { sha })
    return { target, first: yield* build(shas.first), second: yield* build(shas.second), bad: yield* build(shas.bad) }
  })

const build = (then: string) =>
  `import { mkdirSync, writeFileSync } from "node:fs"\nmkdirSync("dist", { recursive: true })\n${then}\n`
suite("local, static sites", local, {
  prepare: prepare({ "rdev.yaml": "kind: static\nbuild: node build.mjs\n" }, "build.mjs", [
    build('writeFileSync("dist/index.html", "one")'),
    build('writeFileSync("dist/index.html", "two")'),
    build('writeFileSync("dist/other.html", "no index")')
  ])
})

const server = (answer: string) =>
  `import { createServer } from "node:http"\ncreateServer((request, response) => response.writeHead(${answer}).end("x")).listen(Number(process.env.PORT), process.env.HOST)\n`
suite("local, Node services", local, {
  prepare: prepare({ "rdev.yaml": "kind: node\nstart: node server.mjs\nhealth: /health\n" }, "server.mjs", [
    server("200"),
    server("204"),
    'console.error("no database"); process.exit(7)\n'
  ])
})

builderSuite("local", local, {
  prepare: commits({ "rdev.yaml": "kind: static\nbuild: node build.mjs\n" }, "build.mjs", [
    build('writeFileSync("dist/index.html", "one")'),
    build('writeFileSync("dist/index.html", "two")'),
    build('console.log("cannot build this"); process.exit(4)')
  ])
})

routerSuite(
  "local",
  withFolder((dataDir) => LocalRouter.layer({ dataDir }))
)
