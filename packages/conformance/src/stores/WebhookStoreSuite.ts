/** What every store of webhooks must do. */
import { assert, layer as withLayer } from "@effect/vitest"
import { Webhook } from "@rdev/core/domain/Webhook"
import { UnitOfWork } from "@rdev/core/ports/stores/UnitOfWork"
import { type WebhookChange, WebhookStore } from "@rdev/core/ports/stores/WebhookStore"
import { Effect, Layer, Option } from "effect"
import * as Samples from "../Samples.ts"

/** Characters that a column of JSON may refuse. */
const disabled = { atMillis: 2_000, reason: "\u0000\u0007 '; DROP TABLE webhook; -- \u{1F600} \ud800 \u2028" }

export const suite = (name: string, layer: Layer.Layer<WebhookStore | UnitOfWork, unknown>): void => {
  withLayer(Layer.orDie(layer), { excludeTestServices: true })(`WebhookStore: ${name}`, (it) => {
    it.effect("gives back what was inserted", () =>
      Effect.gen(function* () {
        const store = yield* WebhookStore
        const ofAll = yield* Samples.webhook()
        const ofOne = yield* Samples.webhook({
          projectId: (yield* Samples.project()).id,
          previousSecretUntilMillis: 9_007_199_254_740_991,
          disabled,
          events: []
        })
        yield* store.insert(ofAll)
        yield* store.insert(ofOne)
        assert.deepStrictEqual(yield* store.get(ofAll.id), Option.some(ofAll))
        assert.deepStrictEqual(yield* store.get(ofOne.id), Option.some(ofOne))
        assert.isTrue(Option.isNone(yield* store.get((yield* Samples.webhook()).id)))
      })
    )

    it.effect("refuses a second one with the same id and keeps the first", () =>
      Effect.gen(function* () {
        const store = yield* WebhookStore
        const first = yield* Samples.webhook()
        yield* store.insert(first)
        const error = yield* Effect.flip(store.insert(new Webhook({ ...first, url: "https://other.example/" })))
        assert.deepStrictEqual(error.reason, { _tag: "AlreadyExists", entity: "webhook", id: first.id })
        assert.deepStrictEqual(yield* store.get(first.id), Option.some(first))
      })
    )

    it.effect("lists all by id, disabled ones too", () =>
      Effect.gen(function* () {
        const store = yield* WebhookStore
        const [first, second, third] = [
          yield* Samples.webhook(),
          yield* Samples.webhook({ disabled }),
          yield* Samples.webhook()
        ]
        for (const webhook of [second, third, first]) yield* store.insert(webhook)
        const all = yield* store.list
        assert.deepStrictEqual(
          all.filter(({ id }) => [first.id, second.id, third.id].includes(id)),
          [first, second, third]
        )
        assert.deepStrictEqual(
          all.map((webhook) => webhook.id),
          all.map((webhook) => webhook.id).sort()
        )
      })
    )

    it.effect("changes the given fields only, to null as well", () =>
      Effect.gen(function* () {
        const store = yield* WebhookStore
        const webhook = yield* Samples.webhook()
        yield* store.insert(webhook)
        const becomes = (fields: WebhookChange, expected: WebhookChange) =>
          Effect.gen(function* () {
            const changed = new Webhook({ ...webhook, ...expected })
            assert.deepStrictEqual(yield* store.change(webhook.id, fields), changed)
            assert.deepStrictEqual(yield* store.get(webhook.id), Option.some(changed))
          })
        yield* becomes({ disabled }, { disabled })
        yield* becomes({ previousSecretUntilMillis: 5_000 }, { previousSecretUntilMillis: 5_000, disabled })
        yield* becomes({}, { previousSecretUntilMillis: 5_000, disabled })
        yield* becomes({ disabled: null }, { previousSecretUntilMillis: 5_000 })
        yield* becomes({ previousSecretUntilMillis: null, disabled }, { disabled })
        const missing = (yield* Samples.webhook()).id
        assert.deepStrictEqual((yield* Effect.flip(store.change(missing, { disabled: null }))).reason, {
          _tag: "NotFound",
          entity: "webhook",
          id: missing
        })
      })
    )

    it.effect("loses none of two changes of different fields at once", () =>
      Effect.gen(function* () {
        const store = yield* WebhookStore
        const webhooks = yield* Effect.forEach(Array.from({ length: 20 }), () => Samples.webhook())
        yield* Effect.forEach(webhooks, (webhook) => store.insert(webhook))
        yield* Effect.all(
          webhooks.flatMap(({ id }) => [
            store.change(id, { disabled }),
            store.change(id, { previousSecretUntilMillis: 5_000 })
          ]),
          { concurrency: "unbounded" }
        )
        for (const webhook of webhooks) {
          assert.deepStrictEqual(
            yield* store.get(webhook.id),
            Option.some(new Webhook({ ...webhook, disabled, previousSecretUntilMillis: 5_000 }))
          )
        }
      })
    )

    it.effect("removes, also what is not there", () =>
      Effect.gen(function* () {
        const store = yield* WebhookStore
        const [gone, other] = [yield* Samples.webhook(), yield* Samples.webhook()]
        yield* store.insert(gone)
        yield* store.insert(other)
        yield* store.remove(gone.id)
        yield* store.remove(gone.id)
        assert.isTrue(Option.isNone(yield* store.get(gone.id)))
        assert.deepStrictEqual(yield* store.get(other.id), Option.some(other))
      })
    )

    it.effect("takes part in transactions: one that fails leaves nothing", () =>
      Effect.gen(function* () {
        const store = yield* WebhookStore
        const work = yield* UnitOfWork
        const [added, changed, removed] = [yield* Samples.webhook(), yield* Samples.webhook(), yield* Samples.webhook()]
        yield* store.insert(changed)
        yield* store.insert(removed)
        const write = Effect.all([
          store.insert(added),
          store.change(changed.id, { disabled }),
          store.remove(removed.id)
        ])
        const written = Effect.forEach([added, changed, removed], ({ id }) => store.get(id))
        assert.strictEqual(yield* Effect.flip(work.transact(Effect.andThen(write, Effect.fail("mine")))), "mine")
        assert.deepStrictEqual(yield* written, [Option.none(), Option.some(changed), Option.some(removed)])
        yield* work.transact(write)
        assert.deepStrictEqual(yield* written, [
          Option.some(added),
          Option.some(new Webhook({ ...changed, disabled })),
          Option.none()
        ])
      })
    )
  })
}
