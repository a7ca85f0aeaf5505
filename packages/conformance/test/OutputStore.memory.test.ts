import * as OutputStore from "@rdev/core/ports/OutputStore"
import { suite } from "../src/OutputStoreSuite.ts"

suite("memory", OutputStore.layerMemoryWith({ maxBytes: 4 << 20 }), { maxBytes: 4 << 20 })
