import * as NewId from "@rdev/core/ids/NewId"
import { ProjectName } from "@rdev/core/domain/Project"
import type { Artifact } from "@rdev/core/ports/infra/Builder"
import * as MemoryDeployer from "@rdev/core/memory/infra/Deployer"
import { Effect } from "effect"
import { suite } from "../src/infra/DeployerSuite.ts"

const bad = "b".repeat(40)
let counter = 0

const artifact = (sha: string) =>
  Effect.map(NewId.make("art"), (id): Artifact => ({
    id,
    sha,
    content: { _tag: "Image", reference: `registry.test/x@sha256:${sha.padEnd(64, "0")}` },
    run: { kind: "node", start: "", health: "/" },
    builtAtMillis: 0
  }))

suite("memory", MemoryDeployer.layerWith({ refuse: (sha) => (sha === bad ? "GET /health answered 500" : null) }), {
  prepare: Effect.gen(function* () {
    const target = { projectId: yield* NewId.make("proj"), name: ProjectName.make(`deploy-${counter++}`) }
    return {
      target,
      first: yield* artifact("1".repeat(40)),
      second: yield* artifact("2".repeat(40)),
      bad: yield* artifact(bad)
    }
  })
})
