import { suite } from "@rdev/conformance/infra/RateLimiterSuite"
import * as RateLimiter from "@rdev/core/memory/infra/RateLimiter"

suite("memory", RateLimiter.layer)
