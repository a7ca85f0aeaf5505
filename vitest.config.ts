import { defineConfig } from "vitest/config"

// Workspace packages resolve to their sources (condition "@rdev/source"), so that tests never run against a stale build.
export default defineConfig({
  resolve: { conditions: ["@rdev/source"] },
  ssr: { resolve: { conditions: ["@rdev/source"] } },
  test: {
    include: ["packages/*/test/**/*.test.ts", "examples/*/test/**/*.test.ts"],
    // What needs a lab of real servers: vitest.lab.config.ts.
    exclude: ["**/node_modules/**", "**/*.lab.test.ts"],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    pool: "forks",
    // One more than the smallest machine has cores: a tenth of the time is spent waiting for leases and time limits of real processes.
    maxWorkers: 3
  }
})
