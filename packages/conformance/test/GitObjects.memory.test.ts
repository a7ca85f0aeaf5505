import * as MemoryForge from "@rdev/core/memory/infra/Forge"
import { suite } from "../src/infra/GitObjectsSuite.ts"

suite("memory", MemoryForge.layer, { mergesLines: false, portableBundles: true })
