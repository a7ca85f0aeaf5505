/**
 * How `rdev` becomes a program in a few files that starts without looking up hundreds of modules: our packages and effect bundled from
 * their sources. The embedded database engine stays a package of its own.
 */
import { build, type Plugin } from "esbuild"
import { readFile, rename, rm } from "node:fs/promises"
import { relative, resolve, sep } from "node:path"
import { fileURLToPath } from "node:url"

const packages = fileURLToPath(new URL("../../", import.meta.url))

/** Code that looks for its package's files by `import.meta.url` finds them from the bundle too, by the module's name. */
const whereItWas: Plugin = {
  name: "where-it-was",
  setup: (plugin) => {
    plugin.onLoad({ filter: /[\\/]packages[\\/][^\\/]+[\\/]src[\\/].*\.ts$/ }, async ({ path }) => {
      const contents = await readFile(path, "utf8")
      if (!contents.includes("import.meta.url")) return undefined
      const [name = "", , ...module] = relative(packages, path).split(sep)
      const specifier = `@rdev/${name}/${module.join("/").replace(/\.ts$/, "")}`
      return {
        contents: contents.replaceAll("import.meta.url", `__moduleUrl(${JSON.stringify(specifier)})`),
        loader: "ts"
      }
    })
  }
}

/** Pages that no route serves. A module that is imported on demand becomes a file of its own even where nothing asks for it: 1.9 MB. */
const unserved: Plugin = {
  name: "unserved",
  setup: (plugin) => {
    plugin.onResolve({ filter: /\/httpApiSwagger\.js$/ }, ({ path }) => ({ path, external: true }))
  }
}

/** A module of ours by name: looked up from here, else from the server's package, for layouts in which only direct dependencies can be seen. */
const preamble = [
  `import { createRequire as __createRequire } from "node:module";`,
  `import { pathToFileURL as __pathToFileURL } from "node:url";`,
  `const require = __createRequire(import.meta.url);`,
  `const __moduleUrl = (name) => { try { return import.meta.resolve(name) } catch { return __pathToFileURL(__createRequire(require.resolve("@rdev/server/package.json")).resolve(name)).href } };`
].join("\n")

/** Bundles programs of this repository into `outdir`; answers with the files they were made of. */
export const bundle = async (options: {
  readonly entryPoints: Readonly<Record<string, string>>
  readonly outdir: string
}): Promise<{ readonly inputs: ReadonlyArray<string> }> => {
  const absWorkingDir = fileURLToPath(new URL("..", import.meta.url))
  const { metafile } = await build({
    absWorkingDir,
    entryPoints: { ...options.entryPoints },
    outdir: options.outdir,
    bundle: true,
    splitting: true,
    format: "esm",
    target: "node22",
    platform: "node",
    conditions: ["@rdev/source"],
    external: ["@electric-sql/pglite", "pg-native"],
    legalComments: "none",
    treeShaking: true,
    plugins: [whereItWas, unserved],
    banner: { js: preamble },
    logLevel: "warning",
    metafile: true
  })
  return { inputs: Object.keys(metafile.inputs).map((path) => resolve(absWorkingDir, path)) }
}

/** Writes the program to `outdir`, which is replaced as a whole: names of its files carry hashes. */
export const program = async (outdir: string): Promise<void> => {
  const target = resolve(outdir)
  const building = `${target}.new`
  await rm(building, { recursive: true, force: true })
  await bundle({ entryPoints: { rdev: "src/bin.ts" }, outdir: building })
  await rm(target, { recursive: true, force: true })
  await rename(building, target)
}
