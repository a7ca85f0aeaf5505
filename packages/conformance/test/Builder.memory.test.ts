import * as NewId from "@rdev/core/ids/NewId"
import { ProjectName } from "@rdev/core/domain/Project"
import * as MemoryBuilder from "@rdev/core/memory/infra/Builder"
import { Effect } from "effect"
import { suite } from "../src/infra/BuilderSuite.ts"

const bad = "b".repeat(40)
let counter = 0

suite("memory", MemoryBuilder.layerWith({ refuse: (sha) => (sha === bad ? "the build of this commit fails" : null) }), {
  prepare: Effect.map(NewId.make("proj"), (projectId) => ({
    target: { projectId, name: ProjectName.make(`build-${counter++}`) },
    first: "1".repeat(40),
    second: "2".repeat(40),
    bad
  }))
})
