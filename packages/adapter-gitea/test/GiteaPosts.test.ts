/** What a real Gitea 1.26 posted (recorded/hooks.jsonl), and what is no such thing. */
import { assert, describe, it } from "@effect/vitest"
import * as ForgeSpeech from "@rdev/core/ports/infra/ForgeSpeech"
import { Effect, Redacted } from "effect"
import * as fc from "fast-check"
import { createHmac } from "node:crypto"
import { readFileSync } from "node:fs"
import * as GiteaEvents from "../src/GiteaEvents.ts"
import * as GiteaPosts from "../src/GiteaPosts.ts"

interface Recorded {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}
const recorded = readFileSync(new URL("recorded/hooks.jsonl", import.meta.url), "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as Recorded)
const secret = Redacted.make("s3cret")
const url = "https://git.example.org"
const hooks = GiteaPosts.make(url, () => "rdev")
const read = ({ body, headers }: { readonly headers: Recorded["headers"]; readonly body: string | Uint8Array }) =>
  hooks.read({ headers, body: typeof body === "string" ? Buffer.from(body) : body }, [secret])
const signed = (body: string | Uint8Array, headers: Recorded["headers"] = {}) => ({
  body,
  headers: {
    "x-gitea-event": "issues",
    "x-gitea-delivery": "d1",
    "x-gitea-signature": createHmac("sha256", "s3cret").update(body).digest("hex"),
    ...headers
  }
})

describe("what Gitea posts", () => {
  it.effect("is translated, with who did it and the forge's own id", () =>
    Effect.gen(function* () {
      const all = yield* Effect.forEach(recorded, read)
      assert.strictEqual(new Set(all.map(({ id }) => id)).size, all.length)
      const told = all.map(({ event, events }) => [
        event,
        ...events.map((one) => ("action" in one ? `${one._tag} ${one.action}` : one._tag))
      ])
      assert.deepStrictEqual(told, [
        ["issues", "Issue opened"],
        ["issues", "Label changed"],
        ["issues", "Assignment added"],
        ["issue_comment", "Comment created"],
        ["create"],
        ["push", "Push"],
        ["pull_request", "PullRequest opened"],
        ["issue_comment", "Comment created"],
        ["status", "Check"],
        ["issues", "Label changed"],
        ["pull_request", "PullRequest changed"],
        ["pull_request", "PullRequest merged"],
        ["push", "Push"],
        ["issues", "Issue closed"],
        ["delete", "Push"]
      ])
      assert.isTrue(all.every(({ events }) => events.every(({ by }) => by.login === "lab" && !by.own)))
      const pushes = all.flatMap(({ events }) => events.flatMap((one) => (one._tag === "Push" ? one.refs : [])))
      assert.deepStrictEqual(
        pushes.map(({ next, old, ref }) => [ref, old === null, next === null]),
        [
          ["refs/heads/feature/x", true, false],
          ["refs/heads/main", false, false],
          ["refs/heads/feature/x", true, true]
        ]
      )
    })
  )

  it.effect("is refused with every bit of body or signature that is another", () =>
    Effect.gen(function* () {
      for (const { body, headers } of recorded) {
        const broken = [
          { headers: { ...headers, "x-gitea-signature": "" }, body },
          { headers: { ...headers, "x-gitea-signature": `sha256=${headers["x-gitea-signature"]}` }, body },
          { headers: { ...headers, "x-gitea-signature": `${headers["x-gitea-signature"]}00` }, body },
          { headers, body: `${body} ` },
          { headers, body: body.replace("1", "2") },
          { headers, body: "" }
        ]
        for (const one of broken) assert.strictEqual((yield* Effect.flip(read(one))).reason._tag, "BadSignature")
      }
      assert.strictEqual(
        (yield* Effect.flip(hooks.read({ headers: recorded[0]?.headers ?? {}, body: Buffer.from("") }, []))).reason
          ._tag,
        "BadSignature"
      )
    })
  )

  it.effect("says where a signed body is not Gitea's", () =>
    Effect.gen(function* () {
      for (const [body, field] of [
        ["{", "body"],
        ["", "body"],
        ["null", "body"],
        ["[]", "body"],
        ["{}", "body.action"],
        ['{"action":"opened","number":"1","issue":{"number":1,"updated_at":""},"sender":{"login":"a"}}', "body.number"],
        ['{"action":"opened","number":-1,"issue":{"number":1,"updated_at":""},"sender":{"login":"a"}}', "body"],
        ['{"action":"opened","number":1,"issue":{"number":1,"updated_at":""},"sender":{"login":""}}', "body"]
      ] as const) {
        const { reason } = yield* Effect.flip(read(signed(body)))
        assert.deepInclude(reason, { _tag: "Malformed", field }, body)
      }
      const invalid = yield* Effect.flip(read(signed(new Uint8Array([0x22, 0xff, 0x22]))))
      assert.deepInclude(invalid.reason, { _tag: "Malformed", field: "body" })
      for (const headers of [{ "x-gitea-delivery": "" }, { "x-gitea-delivery": "a b" }, { "x-gitea-event": "Push!" }])
        assert.strictEqual((yield* Effect.flip(read(signed("{}", headers)))).reason._tag, "Malformed")
    })
  )

  it.effect("says nothing where the event is none of ours", () =>
    Effect.gen(function* () {
      for (const event of ["wiki", "package", "constructor", "__proto__", "to_string"]) {
        const delivery = yield* read(signed("{}", { "x-gitea-event": event }))
        assert.deepStrictEqual(delivery.events, [], event)
      }
    })
  )

  it.effect("knows a comment of ours by its mark, as a person may use the same account", () =>
    Effect.gen(function* () {
      const comment = (login: string, body: string) =>
        Effect.map(
          read(
            signed(
              JSON.stringify({
                action: "created",
                issue: { number: 4, updated_at: "2026-01-01T00:00:00Z" },
                comment: { id: 9, body, user: { login } },
                is_pull: false,
                sender: { login }
              }),
              { "x-gitea-event": "issue_comment" }
            )
          ),
          ({ events }) => events[0]?.by.own
        )
      const marked = ForgeSpeech.marked("progress", "going")
      assert.isTrue(yield* comment("rdev", marked))
      assert.isFalse(yield* comment("rdev", "/rdev run"))
      assert.isFalse(yield* comment("ada", marked), "anybody can write a mark")
    })
  )

  it("never throws, whatever is signed", () => {
    fc.assert(
      fc.property(fc.constantFrom(...GiteaEvents.events, "delete"), fc.jsonValue(), (event, body) => {
        const found = GiteaEvents.read(event, body, () => false)
        assert.isTrue("field" in found || Array.isArray(found.events))
      }),
      { numRuns: 300 }
    )
  })

  it("is not waited for where Gitea cannot reach us", () => {
    assert.isNull(hooks.unreachable("https://rdev.example.org/hooks/gitea/x"))
    for (const host of ["127.0.0.1:4848", "localhost:4848", "[::1]:4848", "rdev.localhost"])
      assert.include(hooks.unreachable(`http://${host}/hooks/gitea/x`), "git.example.org", host)
    assert.isNull(GiteaPosts.make("http://localhost:3000", () => null).unreachable("http://127.0.0.1:4848/x"))
  })
})
