/** What the forge remembers of its own commits must be what git says of them. */
import { assert, it } from "@effect/vitest"
import * as NewId from "@rdev/core/ids/NewId"
import { ProjectName } from "@rdev/core/domain/Project"
import { BranchName } from "@rdev/core/ports/infra/Forge"
import { type FileChange, GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { Context, Effect, Layer, Option } from "effect"
import * as fc from "fast-check"
import * as LocalForge from "../src/forge/LocalForge.ts"
import { make as temporaryFolder } from "./TemporaryFolder.ts"

const main = BranchName.make("main")
const path = fc
  .array(fc.constantFrom("a", "b", "a-b", "a.b", "é", "z"), { minLength: 1, maxLength: 3 })
  .map((segments) => segments.join("/"))
const change: fc.Arbitrary<FileChange> = fc.oneof(
  fc.record({ path, content: fc.oneof(fc.constant(null), fc.string({ maxLength: 8 })) }),
  fc.record({ path, content: fc.string({ maxLength: 8 }), executable: fc.boolean() })
)
const histories = fc.sample(fc.array(fc.array(change, { maxLength: 6 }), { minLength: 1, maxLength: 4 }), {
  numRuns: 12,
  seed: 7
})

it.live(
  "remembers trees and files as git lists them",
  () =>
    Effect.scoped(
      Effect.gen(function* () {
        const dataDir = yield* temporaryFolder
        const options = { dataDir, baseUrl: "http://127.0.0.1:1/git" }
        const fresh = Layer.build(Layer.fresh(LocalForge.layer(options)))
        const forge = yield* fresh
        const [warm, repositories] = [Context.get(forge, GitObjects), Context.get(forge, RepositoryHost)]
        for (const [i, history] of histories.entries()) {
          const target = { projectId: yield* NewId.make("proj"), name: ProjectName.make(`random-${i}`) }
          yield* repositories.ensure(target, {
            defaultBranch: main,
            files: [{ path: "a", content: "start" }],
            message: "Start"
          })
          for (const changes of history) {
            const expectedHead = Option.getOrThrow(yield* warm.head(target, main))
            const sha = yield* warm.commit(target, {
              branch: main,
              expectedHead,
              changes,
              message: "m",
              author: { name: "a", email: "b" }
            })
            const cold = Context.get(yield* fresh, GitObjects)
            assert.deepStrictEqual(
              yield* warm.listTree(target, sha),
              yield* cold.listTree(target, sha),
              JSON.stringify(changes)
            )
            const [ours, theirs] = [yield* warm.readFiles(target, sha, ""), yield* cold.readFiles(target, sha, "")]
            assert.deepStrictEqual(
              [...ours].map(([p, c]) => [p, Buffer.from(c).toString("hex")]),
              [...theirs].map(([p, c]) => [p, Buffer.from(c).toString("hex")])
            )
          }
        }
        assert.isAbove(histories.length, 5)
      })
    ),
  120_000
)
