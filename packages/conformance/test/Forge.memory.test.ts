import { layerMemory } from "@rdev/core/ports/Forge"
import { suite } from "../src/ForgeSuite.ts"

suite("memory", layerMemory, { mergesLines: false, portableBundles: true })
