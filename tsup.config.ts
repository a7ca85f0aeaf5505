import { defineConfig } from "tsup"

// One entry per module, so that `@rdev/core/queue/WorkQueue` is a file of its own; declarations come from tsc.
export default defineConfig({
  entry: ["src/**/*.ts"],
  format: "esm",
  target: "node22",
  splitting: true,
  clean: true,
  dts: false,
  sourcemap: false
})
