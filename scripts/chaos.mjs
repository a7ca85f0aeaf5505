/** Runs the chaos tests in full: hundreds of killed processes on real databases. Takes about a quarter of an hour. */
import { spawnSync } from "node:child_process"

const { status } = spawnSync(
  "npx",
  [
    "vitest",
    "run",
    "packages/server/test/chaos",
    "packages/core/test/services/Crash.test.ts",
    "packages/core/test/services/Storm.test.ts",
    "packages/adapter-postgres/test/queue/Faults.test.ts"
  ],
  {
    stdio: "inherit",
    env: { ...process.env, RDEV_CHAOS: "full" }
  }
)
process.exit(status ?? 1)
