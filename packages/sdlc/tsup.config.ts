import { defineConfig, type Options } from "tsup"
import manifest from "./package.json" with { type: "json" }
import base from "../../tsup.config.ts"

/**
 * Two builds: the library, one file per module, and `dist/cli/main.js`, one file with everything in it, so that it runs
 * wherever it is copied or mounted alone.
 */
export default defineConfig([
  { ...(base as Options), entry: ["src/**/*.ts", "!src/cli/main.ts"] },
  {
    entry: { "cli/main": "src/cli/main.ts" },
    format: "esm",
    target: "node22",
    platform: "node",
    splitting: false,
    minify: true,
    clean: false,
    dts: false,
    sourcemap: false,
    noExternal: [/.*/],
    esbuildOptions: (options) => {
      options.conditions = ["@rdev/source"]
      options.legalComments = "none"
      options.define = { ...options.define, __SDLC_VERSION__: JSON.stringify(manifest.version) }
    },
    banner: { js: "import { createRequire as __createRequire } from \"node:module\"; const require = __createRequire(import.meta.url);" }
  }
])
