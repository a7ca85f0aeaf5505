/**
 * Compiles the programs of a README as a stranger would: against the packed packages, in a folder with nothing else installed but what
 * they are peers of, `strict` and without `skipLibCheck`, so that every declaration that the entries reach has to stand on its own. Of
 * @rdev/sdlc that is without effect and without the types of Node.
 */
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { environment, root } from "./setup.mjs"

const optionsFor = (files) => ({
  compilerOptions: {
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    noEmit: true,
    target: "es2024",
    lib: ["es2024", "esnext.disposable", "dom", "dom.iterable"],
    module: "nodenext",
    moduleResolution: "nodenext",
    types: []
  },
  files
})

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

/** Of the client: what comes back is what the contract says, and what goes in is plain. */
const meaningOfClient = `
import type { Input, Output } from "@rdev/api/RdevClient"
type Any<T> = 0 extends 1 & T ? true : false
const plain: ReadonlyArray<false> = [
  false as Any<Output<"projects", "get">["clone_url"]>, false as Any<Output<"features", "next">["waiting_for"]>, false as Any<Input<"keys", "create">["scopes"]>
]
const named: Input<"features", "approve"> = { project: String("hello"), feature: String("page") }
console.log(plain.length, named)
`

const checks = {
  sdlc: { needs: [], peers: [], programs: (samples) => [samples[0] + meaning] },
  api: { needs: ["core", "sdlc"], peers: ["effect"], programs: (samples) => [...samples, meaningOfClient] }
}

/** What the compiler said of the README's programs of this package, or null when it had nothing to say. */
export const problem = (name) => {
  const { needs, peers, programs } = checks[name]
  const folder = mkdtempSync(join(tmpdir(), "rdev-embed-"))
  const run = (command, args, cwd) =>
    spawnSync(command, args, { cwd, env: environment(), encoding: "utf8", maxBuffer: 64 * 1024 * 1024 })
  const install = (one) => {
    const packed = run(
      "npm",
      ["pack", "--json", "--ignore-scripts", "--pack-destination", folder],
      join(root, "packages", one)
    )
    if (packed.status !== 0) return packed.stderr
    const target = join(folder, "node_modules/@rdev", one)
    mkdirSync(target, { recursive: true })
    const tarball = join(folder, JSON.parse(packed.stdout)[0].filename)
    const unpacked = run("tar", ["-xzf", tarball, "-C", target, "--strip-components=1"], folder)
    return unpacked.status === 0 ? null : unpacked.stderr
  }
  try {
    for (const one of [name, ...needs]) {
      const failed = install(one)
      if (failed !== null) return failed
    }
    for (const peer of peers) symlinkSync(join(root, "node_modules", peer), join(folder, "node_modules", peer))
    const readme = readFileSync(join(folder, "node_modules/@rdev", name, "README.md"), "utf8")
    const samples = [...readme.matchAll(/```ts\n([^]*?)```/g)].map(([, text]) => text)
    if (samples.length === 0) return `the README of @rdev/${name} has no sample program`
    const files = programs(samples).map((text, i) => {
      writeFileSync(join(folder, `sample${i}.ts`), text)
      return `sample${i}.ts`
    })
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "stranger", private: true, type: "module" }))
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(optionsFor(files)))
    const compiled = run("tsc", ["-p", "."], folder)
    return compiled.status === 0 ? null : `${compiled.error?.message ?? ""}${compiled.stdout}${compiled.stderr}`
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
