import * as OutputStore from "@rdev/core/ports/stores/OutputStore"
import { suite } from "../src/stores/OutputStoreSuite.ts"

suite("memory", OutputStore.layerMemoryWith({ maxBytes: 4 << 20 }), { maxBytes: 4 << 20 })
