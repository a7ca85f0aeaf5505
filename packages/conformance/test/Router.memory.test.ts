import * as MemoryRouter from "@rdev/core/memory/infra/Router"
import { suite } from "../src/infra/RouterSuite.ts"

suite("memory", MemoryRouter.layer)
