import { defineConfig } from "vitest/config"

const include = ["packages/*/test/**/*.test.ts", "examples/*/test/**/*.test.ts"]
// What needs a lab of real servers: vitest.lab.config.ts.
const exclude = ["**/node_modules/**", "**/*.lab.test.ts"]

/** What is measured or changed there is the process itself: its memory, its open files, its environment. */
const ownProcess = [
  "packages/adapter-local/test/Confined.test.ts",
  "packages/adapter-local/test/Security.specific.test.ts",
  "packages/runtime-node/test/Launch.test.ts",
  "packages/server/test/events.test.ts",
  "packages/server/test/scaled.test.ts"
]

// Workspace packages resolve to their sources (condition "@rdev/source"), so that tests never run against a stale build.
export const sources = {
  resolve: { conditions: ["@rdev/source"] },
  ssr: { resolve: { conditions: ["@rdev/source"] } }
}
export const common = {
  testTimeout: 180_000,
  hookTimeout: 180_000,
  pool: "forks" as const,
  // One more than the smallest machine has cores: a tenth of the time is spent waiting for leases and time limits of real processes.
  maxWorkers: 3
}

export default defineConfig({
  ...sources,
  test: {
    ...common,
    projects: [
      // Files share a process, one after the other: loading effect and our sources anew for each takes 1.3 s of a processor.
      { extends: true, test: { name: "shared", include, exclude: [...exclude, ...ownProcess], isolate: false } },
      { extends: true, test: { name: "own", include: ownProcess, exclude } }
    ]
  }
})
