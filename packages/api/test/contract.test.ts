import { assert, describe, it } from "@effect/vitest"
import { Option, Schema } from "effect"
import { readFileSync } from "node:fs"
import { text as routesText } from "../scripts/routes.ts"
import * as EventStream from "../src/EventStream.ts"
import * as OpenApiDocument from "../src/OpenApiDocument.ts"
import * as Problem from "../src/Problem.ts"
import * as Wire from "../src/Wire.ts"

interface Operation {
  readonly "x-required-scope"?: string
  readonly security: ReadonlyArray<unknown>
  readonly responses: Record<string, unknown>
  readonly operationId: string
}
const document = OpenApiDocument.make()
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item as Record<string, Operation>).map(([method, operation]) => ({ path, method, operation }))
)

describe("the OpenAPI document", () => {
  it("is the committed one: run `npm run -w packages/api openapi` after a change of the contract", () => {
    assert.strictEqual(OpenApiDocument.text(), readFileSync(new URL("../openapi.json", import.meta.url), "utf8"))
  })

  it("and the client's table of routes is made from the same contract", () => {
    const table = readFileSync(new URL("../src/client/RouteTable.ts", import.meta.url), "utf8")
    assert.strictEqual(routesText(), table, "run `npm run -w packages/api openapi`")
  })

  it("names a scope for every operation, and only health and what forges sign is public", () => {
    assert.isAbove(operations.length, 40)
    const open: Array<string> = []
    for (const { method, operation, path } of operations) {
      const scope = operation["x-required-scope"]
      assert.isString(scope, `${method} ${path} says neither which scope it needs nor that it is public`)
      if (scope === "public") open.push(path)
      else assert.deepStrictEqual(operation.security, [{ bearer: [] }], `${method} ${path} asks for no key`)
    }
    assert.deepStrictEqual(open.sort(), ["/health", "/health/{part}", "/healthz", "/hooks/{adapter}/{hook}", "/readyz"])
  })

  it("answers every error with problem details", () => {
    for (const { method, operation, path } of operations) {
      if (operation["x-required-scope"] === "public") continue
      for (const status of ["400", "401", "403", "404", "500"]) {
        assert.deepStrictEqual(
          operation.responses[status],
          { $ref: "#/components/responses/Problem" },
          `${method} ${path} ${status}`
        )
      }
    }
  })
})

describe("the wire", () => {
  const Inner = Wire.struct("Inner", { someCount: Schema.Int, at: Wire.Time })
  const Shape = Wire.struct("Shape", {
    projectId: Schema.String.check(Schema.isMinLength(2)),
    theInner: Inner,
    envVars: Schema.Record(Schema.String, Schema.String),
    maybeNot: Schema.optionalKey(Schema.Int)
  })
  const wire = {
    project_id: "p1",
    the_inner: { some_count: 3, at: "2026-01-02T03:04:05.000Z" },
    env_vars: { camelCase: "stays", SNAKE_CASE: "too" }
  }

  it("is snake_case, in code it is camelCase, and record keys stay", () => {
    const decoded = Schema.decodeSync(Shape)(wire)
    assert.strictEqual(decoded.theInner.someCount, 3)
    assert.strictEqual(decoded.envVars["camelCase"], "stays")
    assert.deepStrictEqual(Schema.encodeSync(Shape)(decoded), wire)
  })

  it("names wrong and unknown fields as they were sent", () => {
    const failed = Schema.decodeUnknownResult(Shape, { onExcessProperty: "error", errors: "all" })({
      ...wire,
      project_id: "p",
      the_inner: { some_count: 1.5, at: "x", extra: 1 }
    })
    assert.strictEqual(failed._tag, "Failure")
    const text = failed._tag === "Failure" ? String(failed.failure) : ""
    for (const path of ['["project_id"]', '["the_inner"]["some_count"]', '["the_inner"]["extra"]'])
      assert.include(text, path)
  })
})

describe("problems", () => {
  it("survive the wire", () => {
    const problem = Problem.make("invalid-input", {
      detail: "limit is wrong",
      requestId: "req_1",
      errors: [{ pointer: "/query/limit", detail: "expected 1 to 100" }]
    })
    const body = Problem.encode(problem)
    assert.deepInclude(body, {
      type: "urn:rdev:problem:invalid-input",
      status: 400,
      request_id: "req_1",
      code: "invalid-input"
    })
    const back = Option.getOrThrow(Problem.decode(JSON.parse(JSON.stringify(body))))
    assert.strictEqual(back.message, "limit is wrong\n  /query/limit: expected 1 to 100")
  })
})

describe("the SSE parser", () => {
  it("gives the same frames however the bytes are cut", () => {
    const text =
      'retry: 500\n\n: hello\n\nid: 1\nevent: output\ndata: {"line":"a"}\n\nid: 2\r\nevent: output\r\ndata: {"line":\r\ndata: "b"}\r\n\r\nevent: synced\ndata: {}\n\n'
    const whole = EventStream.parser().push(text)
    assert.deepStrictEqual(
      whole.map((frame) => [frame.id, frame.event]),
      [
        [1, "output"],
        [2, "output"],
        [null, "synced"]
      ]
    )
    assert.deepStrictEqual(
      whole.map((frame) => JSON.parse(frame.data)),
      [{ line: "a" }, { line: "b" }, {}]
    )
    const cut = text.replaceAll("\r\n", "\n")
    for (let size = 1; size < 40; size++) {
      const parser = EventStream.parser()
      const frames = Array.from({ length: Math.ceil(cut.length / size) }, (_, i) =>
        parser.push(cut.slice(i * size, (i + 1) * size))
      ).flat()
      assert.deepStrictEqual(frames, EventStream.parser().push(cut))
    }
  })
})
