import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { build, type BuildOptions, type Plugin } from "esbuild"
import { defineConfig, type Options } from "tsup"
import base from "../../tsup.config.ts"

const { version } = JSON.parse(readFileSync(new URL("./package.json", import.meta.url), "utf8")) as { readonly version: string }

const resolve = createRequire(import.meta.url).resolve

const bundle: BuildOptions = {
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node22",
  minify: true,
  legalComments: "none",
  conditions: ["@rdev/source"],
  // The package's browser build is ESM and a third smaller than its Node build.
  alias: { yaml: join(dirname(resolve("yaml/package.json")), "browser/index.js") },
  define: { __SDLC_VERSION__: JSON.stringify(version) }
}

/** Puts the whole program as text in place of `full.ts`: text costs nothing until it is compiled. */
const fullAsText: Plugin = {
  name: "full-as-text",
  setup: (plugin) => {
    plugin.onLoad({ filter: /[\\/]src[\\/]cli[\\/]full\.ts$/ }, async () => {
      const result = await build({ ...bundle, format: "cjs", entryPoints: ["src/cli/Run.ts"], write: false })
      const text = result.outputFiles[0]?.text ?? ""
      const contents = `
        import { createRequire } from "node:module"
        const text = ${JSON.stringify(text)}
        export const full = async () => {
          const program = { exports: {} }
          process.getBuiltinModule("node:vm").compileFunction(text, ["require", "module", "exports"], { filename: "sdlc-full.cjs" })(createRequire(import.meta.url), program, program.exports)
          return program.exports
        }`
      return { contents, loader: "js" }
    })
  }
}

/**
 * Two builds: the library, one file per module, and `dist/cli/main.js`, one file with everything in it, so that it runs
 * wherever it is copied or mounted alone.
 */
export default defineConfig([
  { ...(base as Options), entry: ["src/**/*.ts", "!src/cli/main.ts", "!src/cli/hot.ts", "!src/cli/full.ts", "!src/cli/NoYaml.ts", "!src/model/PrintJsonSchemas.ts"] },
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
    esbuildPlugins: [fullAsText],
    esbuildOptions: (options) => {
      Object.assign(options, bundle, { alias: { yaml: new URL("./src/cli/NoYaml.ts", import.meta.url).pathname } })
    }
  }
])
