/** What GitHub posts, by the examples that its users contributed (recorded/webhooks.json), and what is no such thing. */
import { assert, describe, it } from "@effect/vitest"
import * as ForgeSpeech from "@rdev/core/ports/infra/ForgeSpeech"
import { Effect, Redacted } from "effect"
import * as fc from "fast-check"
import { createHmac } from "node:crypto"
import { readFileSync } from "node:fs"
import * as Events from "../src/Events.ts"
import * as Posts from "../src/Posts.ts"

type Payload = Readonly<Record<string, unknown>> & { readonly action?: string }
const { events } = JSON.parse(readFileSync(new URL("recorded/webhooks.json", import.meta.url), "utf8")) as {
  readonly events: Readonly<Record<string, ReadonlyArray<Payload>>>
}
const secret = Redacted.make("It's a Secret to Everybody")
const hooks = Posts.make("https://api.github.com", () => "rdev[bot]")
const sign = (body: string) => `sha256=${createHmac("sha256", Redacted.value(secret)).update(body).digest("hex")}`
const read = (event: string, body: string, more: Readonly<Record<string, string>> = {}) =>
  hooks.read(
    {
      body: Buffer.from(body),
      headers: {
        "x-github-event": event,
        "x-github-delivery": "72d3162e-cc78-11e3",
        "x-hub-signature-256": sign(body),
        ...more
      }
    },
    [secret]
  )

describe("what GitHub posts", () => {
  it.effect("is signed as its documentation shows", () =>
    Effect.gen(function* () {
      // https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation
      const expected = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
      assert.strictEqual(sign("Hello, World!"), expected)
      const { reason } = yield* Effect.flip(read("push", "Hello, World!"))
      assert.strictEqual(reason._tag, "Malformed", "the signature fits")
    })
  )

  it.effect("is translated, every example of it", () =>
    Effect.gen(function* () {
      const told = new Map<string, Set<string>>()
      for (const [event, examples] of Object.entries(events))
        for (const example of examples) {
          const delivery = yield* read(event, JSON.stringify(example))
          const words = delivery.events.map((one) => ("action" in one ? `${one._tag} ${one.action}` : one._tag))
          const key = example.action === undefined ? event : `${event} ${example.action}`
          told.set(key, new Set([...(told.get(key) ?? []), ...words]))
        }
      const of = (key: string) => [...(told.get(key) ?? [])]
      for (const [key, words] of [
        ["push", ["Push"]],
        ["issues opened", ["Issue opened"]],
        ["issues labeled", ["Label added"]],
        ["issues unlabeled", ["Label removed"]],
        ["issues assigned", ["Assignment added"]],
        ["issues unassigned", ["Assignment removed"]],
        ["issues transferred", ["Issue deleted"]],
        ["issues pinned", ["Issue changed"]],
        ["issue_comment created", ["Comment created"]],
        ["issue_comment edited", ["Comment changed"]],
        ["issue_comment deleted", ["Comment deleted"]],
        ["pull_request opened", ["PullRequest opened"]],
        ["pull_request synchronize", ["PullRequest changed"]],
        ["pull_request reopened", ["PullRequest reopened"]],
        ["status", ["Check"]],
        ["check_run completed", ["Check"]],
        ["workflow_run completed", ["Check"]],
        ["star created", []],
        ["ping", []]
      ] as const)
        assert.deepStrictEqual(of(key), [...words], key)
    })
  )

  it.effect("is refused under any other signature", () =>
    Effect.gen(function* () {
      const body = JSON.stringify(events["push"]?.[0])
      const good = sign(body)
      for (const signature of [
        "",
        good.slice(7),
        good.replace("256", "1"),
        good.slice(0, -1),
        `${good}0`,
        good.toUpperCase().replace("SHA", "sha").slice(0, -2)
      ])
        assert.strictEqual(
          (yield* Effect.flip(read("push", body, { "x-hub-signature-256": signature }))).reason._tag,
          "BadSignature",
          signature
        )
    })
  )

  it.effect("says where a signed body is not GitHub's", () =>
    Effect.gen(function* () {
      for (const [body, field] of [
        ["{", "body"],
        ["null", "body"],
        ['{"ref":"x"}', "body.before"],
        [`{"ref":"x","before":"zz","after":"zz","sender":{"login":"a"}}`, "body"]
      ] as const)
        assert.deepInclude((yield* Effect.flip(read("push", body))).reason, { _tag: "Malformed", field }, body)
      for (const headers of [{ "x-github-delivery": "" }, { "x-github-event": "a b" }])
        assert.strictEqual((yield* Effect.flip(read("push", "{}", headers))).reason._tag, "Malformed")
    })
  )

  it.effect("knows a comment of ours by its mark", () =>
    Effect.gen(function* () {
      const own = (login: string, body: string) =>
        Effect.map(
          read(
            "issue_comment",
            JSON.stringify({
              action: "created",
              issue: { number: 1, updated_at: "2026-01-01T00:00:00Z" },
              comment: { id: 1, body },
              sender: { login }
            })
          ),
          (delivery) => delivery.events[0]?.by.own
        )
      assert.isTrue(yield* own("rdev[bot]", ForgeSpeech.marked("progress", "x")))
      assert.isFalse(yield* own("rdev[bot]", "x"))
      assert.isFalse(yield* own("ada", ForgeSpeech.marked("progress", "x")))
    })
  )

  it("never throws, whatever is signed", () => {
    fc.assert(
      fc.property(fc.constantFrom(...Events.events), fc.jsonValue(), (event, body) => {
        const found = Events.read(event, body, () => false)
        assert.isTrue("field" in found || Array.isArray(found.events))
      }),
      { numRuns: 300 }
    )
  })
})
