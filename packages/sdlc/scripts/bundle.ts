/**
 * How the `sdlc` command becomes one file that runs wherever it is copied or mounted alone: the small build of the hot
 * commands, with the whole program inside it as text.
 */
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { build, type BuildOptions, type Plugin } from "esbuild"

const root = fileURLToPath(new URL("..", import.meta.url))
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { readonly version: string }

const shared: BuildOptions = {
  bundle: true,
  platform: "node",
  target: "node22",
  minify: true,
  legalComments: "none",
  conditions: ["@rdev/source"],
  define: { __SDLC_VERSION__: JSON.stringify(version) }
}

/** The browser build of `yaml` is ESM and a third smaller than its Node build. */
const yaml = join(dirname(createRequire(import.meta.url).resolve("yaml/package.json")), "browser/index.js")

/** Puts the whole program as text in place of `full.ts`: text costs nothing until it is compiled. */
const fullAsText: Plugin = {
  name: "full-as-text",
  setup: (plugin) => {
    plugin.onLoad({ filter: /[\\/]src[\\/]cli[\\/]full\.ts$/ }, async () => {
      const result = await build({
        ...shared,
        alias: { yaml },
        format: "cjs",
        entryPoints: [join(root, "src/cli/Run.ts")],
        write: false
      })
      const contents = `
        import { createRequire } from "node:module"
        const text = ${JSON.stringify(result.outputFiles[0]?.text ?? "")}
        export const full = async () => {
          const program = { exports: {} }
          process.getBuiltinModule("node:vm").compileFunction(text, ["require", "module", "exports"], { filename: "sdlc-full.cjs" })(createRequire(import.meta.url), program, program.exports)
          return program.exports
        }`
      return { contents, loader: "js" }
    })
  }
}

/** Writes the command to `outfile`. */
export const bundle = async (outfile: string): Promise<void> => {
  await build({
    ...shared,
    format: "esm",
    entryPoints: [join(root, "src/cli/main.ts")],
    outfile,
    alias: { yaml: join(root, "src/cli/NoYaml.ts") },
    plugins: [fullAsText]
  })
}
