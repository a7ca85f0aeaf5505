import { chmodSync } from "node:fs"
import { defineConfig, type Options } from "tsup"
import base from "../../tsup.config.ts"
import { bundle } from "./scripts/bundle.ts"

/** The library is one file per module; the command, `dist/cli/main.js`, is one file with everything in it. */
export default defineConfig({
  ...(base as Options),
  entry: ["src/**/*.ts", "!src/cli/{main,hot,full,NoYaml}.ts"],
  onSuccess: async () => {
    await bundle("dist/cli/main.js")
    chmodSync("dist/cli/main.js", 0o755)
  }
})
