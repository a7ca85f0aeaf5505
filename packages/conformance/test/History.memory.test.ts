import * as MemoryForge from "@rdev/core/memory/infra/Forge"
import { suite } from "../src/infra/HistorySuite.ts"

suite("memory", MemoryForge.layer)
