import { readFile } from "node:fs/promises"
import { relative, sep } from "node:path"
import { fileURLToPath } from "node:url"
import { defineConfig, type Options } from "tsup"
import base from "../../tsup.config.ts"

const packages = fileURLToPath(new URL("../", import.meta.url))

/** Code that looks for its package's files by `import.meta.url` finds them from the bundle too, by the module's name. */
const whereItWas = {
  name: "where-it-was",
  setup: (build: {
    onLoad: (
      options: { filter: RegExp },
      load: (args: { path: string }) => Promise<{ contents: string; loader: "ts" } | undefined>
    ) => void
  }) => {
    build.onLoad({ filter: /[\\/]packages[\\/][^\\/]+[\\/]src[\\/].*\.ts$/ }, async ({ path }) => {
      const contents = await readFile(path, "utf8")
      if (!contents.includes("import.meta.url")) return undefined
      const [name = "", , ...module] = relative(packages, path).split(sep)
      const specifier = `@rdev/${name}/${module.join("/").replace(/\.ts$/, "")}`
      return {
        contents: contents.replaceAll("import.meta.url", `__moduleUrl(${JSON.stringify(specifier)})`),
        loader: "ts" as const
      }
    })
  }
}

/** A module of ours by name: looked up from here, else from the server's package, for layouts in which only direct dependencies can be seen. */
const preamble = [
  `import { createRequire as __createRequire } from "node:module";`,
  `import { pathToFileURL as __pathToFileURL } from "node:url";`,
  `const require = __createRequire(import.meta.url);`,
  `const __moduleUrl = (name) => { try { return import.meta.resolve(name) } catch { return __pathToFileURL(__createRequire(require.resolve("@rdev/server/package.json")).resolve(name)).href } };`
].join("\n")

/**
 * Two builds: the library, one file per module, and the program in `dist/program`, with our packages and effect in a few files, so
 * that it starts without looking up hundreds of modules. The embedded database engine stays a package of its own.
 */
export default defineConfig([
  { ...(base as Options), entry: ["src/**/*.ts", "!src/bin.ts"] },
  {
    entry: { rdev: "src/bin.ts" },
    outDir: "dist/program",
    format: "esm",
    target: "node22",
    platform: "node",
    splitting: true,
    clean: false,
    dts: false,
    sourcemap: false,
    noExternal: [/^effect(\/|$)/, /^@effect\//, /^@rdev\//, "ulid", "yaml", "pg"],
    external: ["@electric-sql/pglite", "pg-native"],
    esbuildPlugins: [whereItWas as never],
    esbuildOptions: (options) => {
      options.conditions = ["@rdev/source"]
      options.legalComments = "none"
      options.treeShaking = true
    },
    banner: { js: preamble }
  }
])
