import { layerMemory } from "@rdev/core/ports/infra/Forge"
import { suite } from "../src/infra/ForgeSuite.ts"

suite("memory", layerMemory, { mergesLines: false, portableBundles: true })
