import * as NewId from "@rdev/core/ids/NewId"
import { ProjectName } from "@rdev/core/domain/Project"
import * as MemoryDeployer from "@rdev/core/memory/infra/Deployer"
import { Effect } from "effect"
import { suite } from "../src/infra/DeployerSuite.ts"

const bad = "b".repeat(40)
let counter = 0

suite(
  "memory",
  MemoryDeployer.layerWith({ refuse: (sha) => (sha === bad ? "the build of this commit fails" : null) }),
  {
    prepare: Effect.map(NewId.make("proj"), (projectId) => ({
      target: { projectId, name: ProjectName.make(`deploy-${counter++}`) },
      first: "1".repeat(40),
      second: "2".repeat(40),
      bad
    }))
  }
)
