import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"

const here = dirname(fileURLToPath(import.meta.url))
const readme = readFileSync(join(here, "../../../README.md"), "utf8")
const [sample = ""] = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map((match) => match[1] ?? "")
const repository = join(here, "../../..")

/** The sample as a file of this example, where `@rdev/sdlc` resolves as it does for anybody. */
const withSample = <A>(use: (file: string) => A): A => {
  const folder = mkdtempSync(join(here, "readme-"))
  try {
    const file = join(folder, "sample.ts")
    writeFileSync(file, sample)
    return use(file)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe("the front page's sample", () => {
  it("is at most 20 lines, compiles, and prints what it says", () => {
    expect(sample.trimEnd().split("\n").length).toBeLessThanOrEqual(20)
    withSample((file) => {
      const ran = spawnSync(process.execPath, ["--conditions=@rdev/source", file], { encoding: "utf8" })
      expect(ran.stderr).toBe("")
      expect(ran.stdout.split("\n")[0]).toBe("approve-review human V5")
      writeFileSync(
        join(dirname(file), "tsconfig.json"),
        JSON.stringify({ extends: join(repository, "tsconfig.base.json"), include: [file] })
      )
      const checked = spawnSync(join(repository, "node_modules/.bin/tsc"), ["-p", dirname(file)], { encoding: "utf8" })
      expect(checked.stdout).toBe("")
      expect(checked.status).toBe(0)
    })
  })
})
