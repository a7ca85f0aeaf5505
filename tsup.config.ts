import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { defineConfig, type Options } from "tsup"

type Plugin = NonNullable<Options["plugins"]>[number]

/** Where each name of a barrel comes from, as a specifier, and whether it is that module itself. */
const barrels = new Map<string, ReadonlyMap<string, { readonly from: string; readonly whole: boolean }>>()
const barrel = (specifier: string) => {
  let names = barrels.get(specifier)
  if (names === undefined) {
    const found = new Map<string, { readonly from: string; readonly whole: boolean }>()
    const text = readFileSync(fileURLToPath(import.meta.resolve(specifier)), "utf8").replaceAll(/\/\*[^]*?\*\//g, "")
    for (const [, name = "", file = ""] of text.matchAll(/^export \* as (\w+) from "\.\/(\w+)\.js"/gm))
      found.set(name, { from: `${specifier}/${file}`, whole: true })
    for (const [, list = "", file = ""] of text.matchAll(/^export \{([^}]*)\} from "\.\/(\w+)\.js"/gm)) {
      for (const name of list
        .split(",")
        .map((part) => part.trim())
        .filter((part) => part !== ""))
        found.set(name, { from: `${specifier}/${file}`, whole: false })
    }
    barrels.set(specifier, (names = found))
  }
  return names
}

/**
 * What is published imports the modules of effect that it uses, and not all of them: that takes a program that embeds a package a third
 * of a second more, and 10 MB. Sources import from the barrels, as one does with effect.
 */
const directImports: Plugin = {
  name: "direct-imports",
  renderChunk: (code) => ({
    code: code.replaceAll(
      /^import \{([^}]*)\} from "(effect(?:\/[a-z-]+)?|@effect\/platform-node)";$/gm,
      (_, list: string, specifier: string) =>
        list
          .split(",")
          .map((part) => part.trim())
          .filter((part) => part !== "")
          .map((part) => {
            const [name = "", alias = name] = part.split(" as ")
            const source = barrel(specifier).get(name)
            if (source === undefined) throw new Error(`"${name}" is not among what "${specifier}" exports`)
            return source.whole
              ? `import * as ${alias} from "${source.from}";`
              : `import { ${part} } from "${source.from}";`
          })
          .join("\n")
    )
  })
}

// One entry per module, so that `@rdev/core/queue/WorkQueue` is a file of its own; declarations come from tsc.
export default defineConfig({
  entry: ["src/**/*.ts"],
  format: "esm",
  target: "node22",
  splitting: true,
  clean: true,
  dts: false,
  sourcemap: false,
  plugins: [directImports]
})
