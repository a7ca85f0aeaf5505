import { assert, layer } from "@effect/vitest"
import { suite, type Kind } from "@rdev/conformance/infra/CiSuite"
import * as NewId from "@rdev/core/ids/NewId"
import { ProjectName } from "@rdev/core/domain/Project"
import { Ci } from "@rdev/core/ports/infra/Ci"
import { BranchName } from "@rdev/core/ports/infra/Forge"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { Effect, Layer, Option, Stream } from "effect"
import { readdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import * as LocalCi from "../src/ci/LocalCi.ts"
import * as LocalForge from "../src/forge/LocalForge.ts"
import { make as temporaryFolder, withFolder } from "./TemporaryFolder.ts"

const pipelines: Readonly<Record<Kind, string>> = {
  green:
    'steps:\n  - name: build\n    commands: [ "echo building", "test -x run.sh && ./run.sh" ]\n  - name: test\n    commands: [ "true" ]\n',
  red: 'steps:\n  - name: build\n    commands: [ "true" ]\n  - name: test\n    commands: [ "echo \'1 failed\'", "exit 3", "echo never" ]\n  - name: deploy\n    commands: [ "true" ]\n',
  slow: 'steps:\n  - name: wait\n    commands: [ "sleep 600" ]\n',
  broken: "steps:\n  - name: a\n    comands: [ x ]\n"
}
const main = BranchName.make("main")
let counter = 0
const project = (files: Readonly<Record<string, string>>) =>
  Effect.gen(function* () {
    const repositories = yield* RepositoryHost
    const git = yield* GitObjects
    counter += 1
    const target = { projectId: yield* NewId.make("proj"), name: ProjectName.make(`ci-${counter}`) }
    yield* repositories.ensure(target, {
      defaultBranch: main,
      message: "Start",
      files: Object.entries(files).map(([path, content]) => ({ path, content, executable: path.endsWith(".sh") }))
    })
    return { target, sha: Option.getOrThrow(yield* git.head(target, main)) }
  })
const run = Effect.fnUntraced(function* (files: Readonly<Record<string, string>>) {
  const ci = yield* Ci
  const { target, sha } = yield* project(files)
  yield* ci.ensure(target)
  const { id } = yield* ci.start(target, { key: "k", sha, branch: "main", event: "push" })
  const events = yield* Stream.runCollect(ci.follow(target, id))
  return {
    ci,
    target,
    id,
    events,
    run: yield* ci.get(target, id),
    lines: events.flatMap((e) => (e._tag === "Output" ? [e.line] : []))
  }
})

const local = (dataDir: string) =>
  LocalCi.layer({ dataDir, unsafeHost: true }).pipe(
    Layer.provideMerge(LocalForge.layer({ dataDir, baseUrl: "http://127.0.0.1:1/git" }))
  )

suite("local", withFolder(local), {
  prepare: (kind) => project({ ".woodpecker.yml": pipelines[kind], "run.sh": "#!/bin/sh\necho ran\n" })
})

layer(withFolder(local), { excludeTestServices: true })("LocalCi", (it) => {
  it.effect("gives steps a fresh checkout, their environment, and each other's files", () =>
    Effect.gen(function* () {
      const { run: ended, lines } = yield* run({
        ".woodpecker.yml":
          'steps:\n  - name: one\n    environment: { GREETING: "it\'s me" }\n    commands: [ "echo $GREETING $CI $CI_STEP_NAME", "cd sub && pwd > ../where", "ls" ]\n  - name: two\n    directory: sub\n    commands: [ "cat ../where", "cat deep/file.txt" ]\n',
        "sub/deep/file.txt": "content"
      })
      assert.strictEqual(ended.status, "green", String(ended.reason))
      assert.include(lines, "it's me true one")
      assert.include(lines, "+ cd sub && pwd > ../where")
      assert.isTrue(lines.some((line) => line.endsWith("/sub")))
      assert.include(lines, "content")
    })
  )

  it.effect("says infra with file and line for an unusable pipeline, and for a missing one", () =>
    Effect.gen(function* () {
      const broken = yield* run({ ".woodpecker.yml": pipelines.broken })
      assert.deepInclude(broken.run, { status: "infra" })
      assert.match(broken.run.reason ?? "", /^\.woodpecker\.yml:3: step "a": comands is not known/)
      const none = yield* run({ "README.md": "x" })
      assert.match(none.run.reason ?? "", /no \.woodpecker\.yml/)
    })
  )

  it.effect("removes control sequences and bounds lines in logs", () =>
    Effect.gen(function* () {
      const { lines, run: ended } = yield* run({
        ".woodpecker.yml":
          "steps:\n  - name: noisy\n    commands: [ \"printf 'a\\\\033[31mred\\\\033[0m\\\\033]0;title\\\\007b\\\\n'\", \"printf '10%%\\\\r100%%\\\\n'\", \"head -c 20000 /dev/zero | tr '\\\\0' x\" ]\n"
      })
      assert.strictEqual(ended.status, "green", String(ended.reason))
      assert.include(lines, "aredb")
      assert.include(lines, "100%")
      // eslint-disable-next-line no-control-regex -- that there are none is the point
      assert.isFalse(lines.some((line) => /[\u0000-\u0008\u000b-\u001f]/.test(line) || line.length > 8192))
      assert.strictEqual(lines.filter((line) => /^x+$/.test(line)).join("").length, 20000)
    })
  )

  it.effect("skips and ignores as conditions say", () =>
    Effect.gen(function* () {
      const { run: ended } = yield* run({
        ".woodpecker.yml":
          "steps:\n  - {name: flaky, commands: [ 'exit 9' ], failure: ignore}\n  - {name: tag, commands: [ 'exit 1' ], when: {event: tag}}\n  - {name: bad, commands: [ 'kill -KILL $$' ]}\n  - {name: after, commands: [ 'true' ]}\n  - {name: cleanup, commands: [ 'true' ], when: {status: [failure]}}\n"
      })
      assert.deepStrictEqual(
        ended.steps.map((s) => [s.name, s.status, s.exitCode]),
        [
          ["flaky", "failure", 9],
          ["tag", "skipped", null],
          ["bad", "failure", null],
          ["after", "skipped", null],
          ["cleanup", "success", 0]
        ]
      )
      assert.strictEqual(ended.reason, 'step "bad" was ended by SIGKILL')
    })
  )
})

layer(Layer.empty, { excludeTestServices: true })("LocalCi restarts", (it) => {
  it.effect("keeps ended runs and calls those in flight lost", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const dataDir = yield* temporaryFolder
        const before = yield* run({ ".woodpecker.yml": pipelines.green, "run.sh": "#!/bin/sh\necho ran\n" }).pipe(
          Effect.provide(local(dataDir))
        )
        // What a killed server leaves: a record that still says running.
        const record = join(dataDir, "ci", before.target.projectId, "runs", before.id, "run.json")
        const saved = yield* Effect.promise(() => readFile(record, "utf8"))
        yield* Effect.gen(function* () {
          const ci = yield* Ci
          assert.deepStrictEqual(yield* ci.get(before.target, before.id), before.run)
          assert.deepStrictEqual(yield* Stream.runCollect(ci.follow(before.target, before.id)), before.events)
        }).pipe(Effect.provide(local(dataDir)))
        yield* Effect.promise(() => writeFile(record, saved.replace('"status":"green"', '"status":"running"')))
        yield* Effect.gen(function* () {
          const ci = yield* Ci
          const lost = yield* ci.get(before.target, before.id)
          assert.strictEqual(lost.status, "infra")
          assert.include(lost.reason ?? "", "lost")
          assert.strictEqual((yield* Stream.runCollect(ci.follow(before.target, before.id))).at(-1)?._tag, "Ended")
        }).pipe(Effect.provide(local(dataDir)))
        assert.deepStrictEqual(yield* Effect.promise(() => readdir(join(dataDir, "ci-work")).catch(() => [])), [])
      })
    )
  )
})
