import * as NewId from "@rdev/core/ids/NewId"
import { ProjectName } from "@rdev/core/domain/Project"
import * as MemoryCi from "@rdev/core/memory/infra/Ci"
import { Effect } from "effect"
import { suite } from "../src/infra/CiSuite.ts"

const build = { name: "build", exitCode: 0, output: ["building"] }
const pipelines = {
  green: [build, { name: "test", exitCode: 0 }],
  red: [build, { name: "test", exitCode: 3, output: ["1 failed"] }, { name: "deploy", exitCode: 0 }],
  slow: [{ name: "wait", exitCode: 0, durationMillis: 600_000 }],
  broken: { infra: "the pipeline file has no steps" }
}
let counter = 0

suite(
  "memory",
  MemoryCi.layerWith(({ sha }) => pipelines[sha as keyof typeof pipelines]),
  {
    prepare: (kind) =>
      Effect.map(NewId.make("proj"), (projectId) => ({
        target: { projectId, name: ProjectName.make(`ci-${counter++}`) },
        sha: kind
      }))
  }
)
