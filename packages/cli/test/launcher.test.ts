/** What npm links as a command: it loads the built program, or says in one line why it cannot. */
import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const commands = [
  {
    name: "rdev",
    launcher: fileURLToPath(new URL("../bin/rdev.js", import.meta.url)),
    program: "dist/program/rdev.js"
  },
  {
    name: "sdlc",
    launcher: fileURLToPath(new URL("../../sdlc/bin/sdlc.js", import.meta.url)),
    program: "dist/cli/main.js"
  }
]

/** The lowest Node that the package promises, as a person writes it: ">=22.19.0" is "22.19". */
const floorOf = (launcher: string): string => {
  const text = readFileSync(join(launcher, "..", "..", "package.json"), "utf8")
  const { engines } = JSON.parse(text) as { readonly engines: { readonly node: string } }
  return engines.node.replace(/^>=/, "").replace(/(\.0)+$/, "")
}
/** The nearest Node below it. */
const below = (floor: string): string => {
  const [major = 0, minor = 0] = floor.split(".").map(Number)
  return minor > 0 ? `${major}.${minor - 1}.9` : `${major - 1}.99.0`
}

for (const { launcher, name, program } of commands) {
  const floor = floorOf(launcher)
  describe(`${name}, as npm links it`, () => {
    const within = (
      work: (dir: string, start: (...flags: ReadonlyArray<string>) => ReturnType<typeof spawnSync>) => void
    ) => {
      const dir = mkdtempSync(join(tmpdir(), "rdev-launcher-"))
      try {
        mkdirSync(join(dir, "bin"))
        writeFileSync(join(dir, "package.json"), '{"type":"module"}')
        copyFileSync(launcher, join(dir, "bin", "command.js"))
        work(dir, (...flags) =>
          spawnSync(process.execPath, [...flags, join(dir, "bin", "command.js"), "one", "two"], { encoding: "utf8" })
        )
      } finally {
        rmSync(dir, { recursive: true, force: true })
      }
    }

    it("says how to build it when it is not built", () =>
      within((_dir, start) => {
        const { status, stderr } = start()
        assert.strictEqual(status, 1)
        assert.match(String(stderr), new RegExp(`^${name}: .*npm run build.*\\n$`))
      }))

    it("loads the program with its arguments and its exit code", () =>
      within((dir, start) => {
        mkdirSync(join(dir, program, ".."), { recursive: true })
        writeFileSync(join(dir, program), "process.stdout.write(process.argv.slice(2).join()); process.exitCode = 7\n")
        const { status, stdout } = start()
        assert.deepStrictEqual([status, String(stdout)], [7, "one,two"])
      }))

    it("names the Node it needs under an older one", () =>
      within((dir, start) => {
        const old = join(dir, "old.mjs")
        const version = below(floor)
        writeFileSync(
          old,
          `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })\n`
        )
        const { status, stderr } = start("--import", old)
        assert.strictEqual(status, 1)
        assert.match(
          String(stderr),
          new RegExp(
            `^${name}: Node ${version.replaceAll(".", "\\.")} is too old; install Node ${floor.replaceAll(".", "\\.")} or newer\\n$`
          )
        )
      }))
  })
}
