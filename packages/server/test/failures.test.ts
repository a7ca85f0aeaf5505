/** What a failure of a port tells a caller. */
import { assert, describe, it } from "@effect/vitest"
import { WorkspaceError } from "@rdev/core/ports/infra/WorkspaceHost"
import { problemOf } from "../src/http/Failures.ts"

describe("a port's failure", () => {
  it("points at the field as the API calls it, and at what lies within as the caller does", () => {
    for (const [field, pointer, name] of [
      ["argv", "/command", "command"],
      ["workDir", "/work_dir", "work_dir"],
      ["env.HTTP_Proxy", "/env/HTTP_Proxy", "env.HTTP_Proxy"]
    ] as const) {
      const problem = problemOf(
        new WorkspaceError({ operation: "WorkspaceHost.exec", reason: { _tag: "Invalid", field, message: "no" } }),
        "req_1"
      )
      assert.deepStrictEqual(
        [problem.code, problem.detail, problem.errors],
        ["unprocessable", `${name}: no`, [{ pointer, detail: "no" }]]
      )
    }
  })

  it("of the inside tells nothing of it, whatever its reason is called", () => {
    for (const tag of ["Locked", "Unknown", "Corrupt", "Nonsense", "constructor", "__proto__", "toString"]) {
      const problem = problemOf(
        { _tag: "PortError", message: "innermost", operation: "x", reason: { _tag: tag } },
        "req_1"
      )
      assert.strictEqual(problem.code, "internal", tag)
      assert.notInclude(problem.detail, "innermost")
    }
  })
})
