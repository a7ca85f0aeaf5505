/**
 * Compiles the README's program of @rdev/sdlc as a stranger would: against the packed package, in a folder with nothing else installed,
 * `strict` and without `skipLibCheck`, so that every declaration that the entries reach has to stand on its own: no effect, no types of Node.
 */
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { environment, root } from "./setup.mjs"

const options = {
  compilerOptions: {
    strict: true,
    skipLibCheck: false,
    noEmit: true,
    target: "es2024",
    lib: ["es2024", "dom"],
    module: "nodenext",
    moduleResolution: "nodenext",
    types: []
  },
  files: ["sample.ts"]
}

/** Types of the plain entry that must mean something: each line fails when its type has turned into `any`. */
const meaning = `
import type { Decision, EventData, Facts, FeatureEvent, FeatureState, Observed, Policy, Task } from "@rdev/sdlc"
type Any<T> = 0 extends 1 & T ? true : false
const plain: ReadonlyArray<false> = [
  false as Any<Decision["kind"]>, false as Any<EventData<"verdict">["gate"]>, false as Any<Facts["spec"]>, false as Any<FeatureEvent["type"]>,
  false as Any<FeatureState["tasks"]>, false as Any<Observed["branch"]>, false as Any<Policy["gates"]["spec"]>, false as Any<Task["status"]>
]
console.log(plain.length)
`

/** What the compiler said, or null when it had nothing to say. */
export const problem = () => {
  const folder = mkdtempSync(join(tmpdir(), "rdev-embed-"))
  const run = (command, args, cwd) =>
    spawnSync(command, args, { cwd, env: environment(), encoding: "utf8", maxBuffer: 64 * 1024 * 1024 })
  try {
    const packed = run(
      "npm",
      ["pack", "--json", "--ignore-scripts", "--pack-destination", folder],
      join(root, "packages/sdlc")
    )
    if (packed.status !== 0) return packed.stderr
    const target = join(folder, "node_modules/@rdev/sdlc")
    mkdirSync(target, { recursive: true })
    const unpacked = run(
      "tar",
      ["-xzf", join(folder, JSON.parse(packed.stdout)[0].filename), "-C", target, "--strip-components=1"],
      folder
    )
    if (unpacked.status !== 0) return unpacked.stderr
    const sample = /```ts\n([^]*?)```/.exec(readFileSync(join(target, "README.md"), "utf8"))?.[1]
    if (sample === undefined) return "the README of @rdev/sdlc has no sample program"
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "stranger", private: true, type: "module" }))
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(options))
    writeFileSync(join(folder, "sample.ts"), sample + meaning)
    const compiled = run("tsc", ["-p", "."], folder)
    return compiled.status === 0 ? null : `${compiled.error?.message ?? ""}${compiled.stdout}${compiled.stderr}`
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
