import { assert, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import { profile } from "../src/sandbox/SandboxHost.ts"
import { interpret } from "../src/sandbox/SandboxProcess.ts"
import { fstab, parseMountInfo } from "../src/sandbox/SandboxRoot.ts"
import { isVariableName, quote } from "../src/sandbox/SandboxScript.ts"

describe("texts of the sandbox", () => {
  it("quotes anything for a shell", () => {
    for (const text of ["", "a b", "it's", "$(touch x)", "`x`", "\\", "\n", 'a"b', "--x"]) {
      assert.strictEqual(execFileSync("sh", ["-c", `printf %s ${quote(text)}`], { encoding: "utf8" }), text)
    }
  })

  it("keeps the shell's own variables out of reach", () => {
    for (const good of ["A", "_x", "LD_PRELOAD", "PATH"]) assert.isTrue(isVariableName(good), good)
    for (const bad of ["", "1A", "A B", "A=B", "UID", "IFS", "BASH_ENV", "ENV", "A\n"])
      assert.isFalse(isVariableName(bad), bad)
  })

  it("keeps the flags of the host's mounts, which a user namespace may not drop", () => {
    const flagsOf = parseMountInfo(
      [
        "1 0 8:1 / / rw,relatime - ext4 /dev/a rw",
        "2 1 8:2 / /home rw,nosuid,nodev,relatime - ext4 /dev/b rw",
        "3 1 8:3 / /mnt/with\\040space ro,noexec - ext4 /dev/c ro"
      ].join("\n")
    )
    assert.deepStrictEqual(flagsOf("/usr"), [])
    assert.deepStrictEqual(flagsOf("/home/x"), ["nosuid", "nodev"])
    assert.deepStrictEqual(flagsOf("/mnt/with space"), ["ro", "noexec"])
    const table = fstab(
      { directory: "/r oot", mounts: [] },
      [
        { kind: "bind", source: "/mnt/with space/x", path: "/workspace", access: "rw" },
        { kind: "tmpfs", path: "/tmp", sizeBytes: 10 }
      ],
      flagsOf,
      true
    )
    assert.deepStrictEqual(table.trimEnd().split("\n"), [
      "/r\\040oot /r\\040oot none bind,ro,nosuid,nodev 0 0",
      "/mnt/with\\040space/x /r\\040oot/workspace none bind,nosuid,nodev,ro,noexec 0 0",
      "tmpfs /r\\040oot/tmp tmpfs nosuid,nodev,size=10,mode=1777 0 0"
    ])
  })

  it("tells an exit from a signal", () => {
    assert.deepStrictEqual(interpret(143, "exit 143\n"), { code: 143, signal: null, reason: "exited" })
    assert.deepStrictEqual(interpret(143, "Terminated\nexit 143\n"), {
      code: null,
      signal: "SIGTERM",
      reason: "signal"
    })
    assert.deepStrictEqual(interpret(130, "exit 130\n"), { code: null, signal: "SIGINT", reason: "signal" })
    assert.deepStrictEqual(interpret(255, "exit 255\n"), { code: 255, signal: null, reason: "exited" })
  })

  it("writes a Seatbelt profile that denies by default", () => {
    const text = profile({ read: ['/a "b"'], write: ["/w"], network: "none" })
    assert.include(text, "(deny default)")
    assert.include(text, '(allow file-read* (subpath "/a \\"b\\""))')
    assert.notInclude(text, "network")
    assert.include(profile({ read: [], write: [], network: "internet" }), "(allow network*)")
  })
})
