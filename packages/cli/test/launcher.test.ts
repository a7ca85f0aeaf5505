/** What npm links as a command: it loads the built program, or says in one line why it cannot. */
import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
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

for (const { launcher, name, program } of commands) {
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
        writeFileSync(
          old,
          "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.1.0' } })\n"
        )
        const { status, stderr } = start("--import", old)
        assert.strictEqual(status, 1)
        assert.match(
          String(stderr),
          new RegExp(`^${name}: Node 20\\.1\\.0 is too old; install Node 22\\.\\d+ or newer\\n$`)
        )
      }))
  })
}
