import { fileURLToPath } from "node:url"
import { gzipSync } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import { build } from "esbuild"

const root = fileURLToPath(new URL("../src/index.ts", import.meta.url))

const bundle = async (contents: string) => {
  const result = await build({
    stdin: { contents, resolveDir: fileURLToPath(new URL(".", import.meta.url)), loader: "ts" },
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "browser",
    metafile: true
  })
  const code = result.outputFiles[0]?.contents ?? new Uint8Array()
  return { bytes: code.length, gzip: gzipSync(code).length, inputs: Object.keys(result.metafile.inputs) }
}

describe("the browser bundle", () => {
  it("stays small and carries no dependency", async () => {
    const classify = await bundle(`export { classify } from ${JSON.stringify(root)}`)
    const all = await bundle(`export * from ${JSON.stringify(root)}`)
    process.stdout.write(
      `bundle: classify ${classify.bytes} bytes (${classify.gzip} gzip), everything ${all.bytes} bytes (${all.gzip} gzip)\n`
    )
    assert.isAtMost(classify.bytes, 24_000)
    assert.isAtMost(all.bytes, 90_000)
    assert.deepStrictEqual(
      all.inputs.filter((input) => input.includes("node_modules")),
      []
    )
  })
})
