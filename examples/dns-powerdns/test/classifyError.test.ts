import { assert, it } from "@effect/vitest"
import { classifyError } from "../src/classifyError.ts"

it.each<[number, string, string | undefined]>([
  [200, "{}", undefined],
  [204, "", undefined],
  [400, "{}", "Invalid"],
  [401, "Unauthorized", "Unauthorized"],
  [404, "Not Found", "NotFound"],
  [409, "Conflict", "Conflict"],
  [422, '{"error": "Record a.lab.test./A: Parsing record content"}', "Invalid"],
  [422, '{"error": "RRset a.lab.test. IN CNAME: Conflicts with pre-existing RRset"}', "Conflict"],
  [429, "", "RateLimited"],
  [500, "", "Unavailable"],
  [502, "<html>", "Unavailable"],
  [302, "", "Unknown"]
])("%i %s", (status, text, tag) => assert.strictEqual(classifyError(status, text, "lab.test")?._tag, tag))
