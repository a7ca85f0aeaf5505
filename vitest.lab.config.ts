import { defineConfig } from "vitest/config"
import { common, sources } from "./vitest.config.ts"

// Tests against the real servers of a lab: `npm run test:lab -- redis` (scripts/lab.mjs) starts them and gives their addresses.
export default defineConfig({
  ...sources,
  test: {
    ...common,
    include: ["packages/*/test/**/*.lab.test.ts", "examples/*/test/**/*.lab.test.ts"],
    exclude: ["**/node_modules/**"]
  }
})
