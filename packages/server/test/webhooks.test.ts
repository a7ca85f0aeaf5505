/** 27 webhook-verify: a subscription through the API, its deliveries, and who may see them. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Event from "@rdev/core/domain/Event"
import { EventLog } from "@rdev/core/ports/stores/EventLog"
import * as MemoryWebhookTransport from "@rdev/core/memory/infra/WebhookTransport"
import type { WebhookRequest } from "@rdev/core/ports/infra/WebhookTransport"
import { Effect, Exit, Scope } from "effect"
import { Webhook } from "standardwebhooks"
import * as MemoryServer from "./MemoryServer.ts"

const scope = Scope.makeUnsafe()
let server: MemoryServer.TestServer
let receiver: MemoryWebhookTransport.Receiver["Service"]
beforeAll(async () => {
  server = await Effect.runPromise(Scope.provide(MemoryServer.make(), scope))
  receiver = await server.run(Effect.service(MemoryWebhookTransport.Receiver))
})
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

type Json = Readonly<Record<string, unknown>>
const project = async (name: string): Promise<string> => {
  const made = await server.call("POST", "/projects", { body: { name }, headers: { prefer: "wait=30" } })
  assert.strictEqual(made.status, 202, made.text)
  return String((await server.call("GET", `/projects/${name}`)).body["id"])
}
const make = async (body: Json, key?: string) => {
  const answer = await server.call("POST", "/webhooks", { body, ...(key === undefined ? {} : { key }) })
  assert.strictEqual(answer.status, 201, answer.text)
  return { ...(answer.body["webhook"] as Json), secret: String(answer.body["secret"]) } as Json & {
    readonly id: string
    readonly secret: string
  }
}
const happens = (stream: Event.StreamName, type: string, data: Event.NewEvent["data"] = {}) =>
  server.run(Effect.flatMap(EventLog, (log) => log.append(stream, [{ type, subject: {}, data }])))
/** What arrives at this address. */
const arrivals = (url: string) => receiver.received.filter((request) => request.url === url)
const eventually = async <A>(what: string, look: () => A | undefined | Promise<A | undefined>): Promise<A> => {
  const end = performance.now() + 15_000
  while (performance.now() < end) {
    const found = await look()
    if (found !== undefined) return found
    await new Promise((resolve) => {
      setTimeout(resolve, 10)
    })
  }
  return assert.fail(`${what} did not come`)
}
const only = (url: string, count: number): Promise<WebhookRequest> =>
  eventually(`request ${count} to ${url}`, () => (arrivals(url).length >= count ? arrivals(url)[count - 1] : undefined))
const deliveries = async (id: string, query = "") =>
  (await server.call("GET", `/webhooks/${id}/deliveries${query}`)).body["deliveries"] as ReadonlyArray<Json>

describe("webhooks", () => {
  it("sends events that a verifier accepts, and lists what became of them", async () => {
    const id = await project("hooked")
    const url = "https://example.com/one"
    const webhook = await make({ url, events: ["task.*", "notify"], project: "hooked" })
    assert.deepInclude(webhook, {
      project_id: id,
      url,
      events: ["task.*", "notify"],
      enabled: true,
      disabled_at: null,
      previous_secret_until: null
    })
    assert.match(webhook.secret, /^whsec_[A-Za-z0-9+/]{43}=$/)
    const shown = await server.call("GET", `/webhooks/${webhook.id}`)
    assert.notInclude(shown.text + (await server.call("GET", "/webhooks")).text, "whsec_")
    await happens(Event.ofProject(id), "task.failed", { class: "AuthFailed", notify: true })
    const request = await only(url, 1)
    assert.deepInclude(new Webhook(webhook.secret).verify(request.body, { ...request.headers }) as Json, {
      type: "task.failed"
    })
    assert.throws(() =>
      new Webhook(webhook.secret).verify(request.body.replace("AuthFailed", "Fine"), { ...request.headers })
    )
    const [delivery] = await eventually("the record", async () => {
      const found = await deliveries(webhook.id, "?status=completed")
      return found.length === 1 ? found : undefined
    })
    assert.deepInclude(delivery, {
      message_id: request.headers["webhook-id"],
      type: "task.failed",
      status: "completed",
      response_status: 204,
      error: null
    })
    const again = await server.call("POST", `/webhooks/${webhook.id}/deliveries/${String(delivery?.["id"])}/redeliver`)
    assert.strictEqual(again.status, 202, again.text)
    assert.strictEqual((await only(url, 2)).headers["webhook-id"], request.headers["webhook-id"])
    assert.strictEqual((await server.call("POST", `/webhooks/${webhook.id}/test`)).status, 202)
    assert.strictEqual(JSON.parse((await only(url, 3)).body).type, "webhook.test")
  })

  it("replaces secrets, disables, enables and removes, each with an audit entry", async () => {
    const id = await project("managed")
    const webhook = await make({ url: "https://example.com/two", events: ["*"], project: "managed" })
    const replaced = await server.call("POST", `/webhooks/${webhook.id}/secret`)
    assert.strictEqual(replaced.status, 200, replaced.text)
    assert.notStrictEqual(replaced.body["secret"], webhook.secret)
    assert.isString((replaced.body["webhook"] as Json)["previous_secret_until"])
    const off = await server.call("POST", `/webhooks/${webhook.id}/disable`)
    assert.deepInclude(off.body, { enabled: false, disabled_reason: "somebody disabled it" })
    const refused = await server.call("POST", `/webhooks/${webhook.id}/test`)
    assert.strictEqual(refused.status, 409, refused.text)
    assert.include(refused.text, "enable it first")
    assert.deepInclude((await server.call("POST", `/webhooks/${webhook.id}/enable`)).body, {
      enabled: true,
      disabled_at: null,
      disabled_reason: null
    })
    assert.strictEqual((await server.call("DELETE", `/webhooks/${webhook.id}`)).status, 204)
    assert.strictEqual((await server.call("GET", `/webhooks/${webhook.id}`)).status, 404)
    const audit = (await server.call("GET", `/projects/${id}/audit`)).text
    for (const type of ["webhook.create", "webhook.secret", "webhook.disable", "webhook.enable", "webhook.remove"])
      assert.include(audit, type)
    assert.notInclude(audit, "whsec_")
  })

  it("refuses what cannot work, with the field", async () => {
    const pointer = async (body: Json, status: number) => {
      const answer = await server.call("POST", "/webhooks", { body })
      assert.strictEqual(answer.status, status, answer.text)
      return (answer.body["errors"] as ReadonlyArray<{ readonly pointer: string }>).map((error) => error.pointer)
    }
    assert.deepStrictEqual(await pointer({ url: "nowhere", events: ["*"] }, 422), ["/url"])
    assert.deepStrictEqual(await pointer({ url: "https://example.com", events: [] }, 400), ["/events"])
    assert.deepStrictEqual(await pointer({ url: "https://example.com", events: ["Task Failed"] }, 400), ["/events/0"])
    assert.deepStrictEqual(await pointer({ url: "https://example.com", events: ["*"], secret: "mine" }, 400), [
      "/secret"
    ])
    assert.strictEqual(
      (
        await server.call("POST", "/webhooks", {
          body: { url: "https://example.com", events: ["*"], project: "nobody" }
        })
      ).status,
      404
    )
    const unknown = "whk_01ARZ3NDEKTSV4RRFFQ69G5FAV"
    for (const [method, path] of [
      ["GET", ""],
      ["DELETE", ""],
      ["POST", "/secret"],
      ["POST", "/enable"],
      ["POST", "/disable"],
      ["POST", "/test"],
      ["GET", "/deliveries"]
    ] as const) {
      assert.strictEqual((await server.call(method, `/webhooks/${unknown}${path}`)).status, 404, `${method} ${path}`)
    }
  })

  it("a key for some projects sees theirs only, and other scopes see none", async () => {
    const mine = await project("mine")
    await project("theirs")
    const other = await make({ url: "https://example.com/theirs", events: ["*"], project: "theirs" })
    const all = await make({ url: "https://example.com/all", events: ["never"] })
    const { key } = await server.makeKey({ scopes: ["webhooks:manage"], projects: [mine] })
    const own = await make({ url: "https://example.com/mine", events: ["*"], project: "mine" }, key)
    const listed = (await server.call("GET", "/webhooks", { key })).body["webhooks"] as ReadonlyArray<Json>
    assert.deepStrictEqual(
      listed.map((webhook) => webhook["id"]),
      [own.id]
    )
    for (const { id } of [other, all]) {
      assert.strictEqual((await server.call("GET", `/webhooks/${id}`, { key })).status, 404)
      assert.strictEqual((await server.call("DELETE", `/webhooks/${id}`, { key })).status, 404)
    }
    const everywhere = await server.call("POST", "/webhooks", {
      key,
      body: { url: "https://example.com", events: ["*"] }
    })
    assert.strictEqual(everywhere.status, 403, everywhere.text)
    assert.strictEqual(
      (
        await server.call("POST", "/webhooks", {
          key,
          body: { url: "https://example.com", events: ["*"], project: "theirs" }
        })
      ).status,
      404
    )
    const { key: reader } = await server.makeKey({ scopes: ["projects:read", "queue:read"] })
    assert.strictEqual((await server.call("GET", "/webhooks", { key: reader })).status, 403)
  })
})
