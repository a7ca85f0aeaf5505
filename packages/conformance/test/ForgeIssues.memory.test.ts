import * as MemoryForge from "@rdev/core/memory/infra/Forge"
import { Effect, Layer } from "effect"
import { suite } from "../src/infra/ForgeIssuesSuite.ts"

suite(
  "memory",
  Layer.fresh(MemoryForge.layerIssues),
  Effect.map(MemoryForge.ForgeDesk, (desk) => ({
    ...desk,
    writer: "ada",
    reader: "bob",
    stranger: "eve"
  }))
)
