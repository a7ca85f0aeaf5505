import * as MemoryOutputStore from "@rdev/core/memory/stores/OutputStore"
import { suite } from "../src/stores/OutputStoreSuite.ts"

suite("memory", MemoryOutputStore.layerWith({ maxBytes: 4 << 20 }), { maxBytes: 4 << 20 })
