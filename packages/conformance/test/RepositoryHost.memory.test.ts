import * as MemoryForge from "@rdev/core/memory/infra/Forge"
import { suite } from "../src/infra/RepositoryHostSuite.ts"

suite("memory", MemoryForge.layer, { stranger: null, webhookEvents: null, protects: false })
