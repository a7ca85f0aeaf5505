import { layerMemory } from "@rdev/core/ports/infra/Dns"
import { suite } from "../src/infra/DnsSuite.ts"

suite("memory", layerMemory, { targets: ["127.0.0.1", "http://127.0.0.1:8080"] })
