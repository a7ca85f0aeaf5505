/**
 * Makes, checks, lists and revokes API keys. A check costs no look-up for a mistyped key and at most one per key every
 * `rememberMillis`; so a key revoked on another replica stops working there within that time.
 */
import { ApiKey } from "@rdev/core/domain/ApiKey"
import * as NewId from "@rdev/core/ids/NewId"
import type { Principal, Scope } from "@rdev/core/domain/Principal"
import { ApiKeyStore, touchMillis } from "@rdev/core/ports/stores/ApiKeyStore"
import type { StoreError } from "@rdev/core/ports/stores/StoreError"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { timingSafeEqual } from "node:crypto"
import { inRange } from "./Addresses.ts"
import * as Delegation from "./Delegation.ts"
import { over, principalOf, rememberMillis } from "./Issuers.ts"
import * as KeyFormat from "./KeyFormat.ts"

const maxRemembered = 1_000

export interface NewApiKey {
  readonly name: string
  readonly type: "human" | "agent" | "ci"
  readonly scopes: ReadonlyArray<Scope>
  readonly projects: ReadonlyArray<string> | null
  readonly cidrs: ReadonlyArray<string>
  readonly expiresAtMillis: number | null
}

/** Why a key is refused; what the caller is told is the same for all but `address`. */
export type Refusal = "malformed" | "unknown" | "revoked" | "expired" | "address"

export class ApiKeys extends Context.Service<
  ApiKeys,
  {
    /** Who speaks with this key from this address, or why nobody does. */
    authenticate(
      key: string,
      address: string | null
    ): Effect.Effect<{ readonly principal: Principal } | { readonly refusal: Refusal }, StoreError>
    /** The key is shown this once. */
    create(spec: NewApiKey): Effect.Effect<{ readonly key: string; readonly record: ApiKey }, StoreError>
    readonly list: Effect.Effect<ReadonlyArray<ApiKey>, StoreError>
    revoke(id: string): Effect.Effect<void, StoreError>
  }
>()("rdev/server/ApiKeys") {}

const make = (pepper: Uint8Array, keyLabel: string) =>
  Effect.gen(function* () {
    const store = yield* ApiKeyStore
    const remembered = new Map<string, { readonly key: Option.Option<ApiKey>; readonly untilMillis: number }>()

    const find = Effect.fn("ApiKeys.find")(function* (
      digest: string,
      now: number,
      look: Effect.Effect<Option.Option<ApiKey>, StoreError>
    ) {
      const known = remembered.get(digest)
      if (known !== undefined && known.untilMillis > now) return known.key
      const key = yield* look
      if (remembered.size >= maxRemembered)
        for (const old of [...remembered.keys()].slice(0, maxRemembered / 2)) remembered.delete(old)
      remembered.set(digest, { key, untilMillis: now + rememberMillis })
      if (Option.isSome(key) && (key.value.lastUsedAtMillis ?? 0) <= now - touchMillis) {
        // A convenience for people: a request never fails or waits for it.
        yield* Effect.forkDetach(Effect.ignore(store.touch(key.value.id, now)))
      }
      return key
    })

    /** Where the key may be used from was checked when it asked for what is done in its name now. */
    const delegated = Effect.fnUntraced(function* (keyId: string, now: number) {
      const found = yield* find(keyId, now, store.byId(keyId))
      if (Option.isNone(found)) return { refusal: "unknown" as const }
      const refusal = over(found.value, now)
      return refusal === null ? { principal: principalOf(found.value) } : { refusal }
    })

    return ApiKeys.of({
      authenticate: Effect.fn("ApiKeys.authenticate")(function* (raw: string, address: string | null) {
        const now = yield* Clock.currentTimeMillis
        const behalf = Delegation.keyOf(pepper, raw, now)
        if (behalf !== null) return yield* delegated(behalf, now)
        if (!KeyFormat.isWellFormed(raw)) return { refusal: "malformed" as const }
        const digest = KeyFormat.digest(pepper, raw)
        const found = yield* find(digest, now, store.byDigest(digest))
        if (Option.isNone(found) || !timingSafeEqual(Buffer.from(found.value.digest), Buffer.from(digest)))
          return { refusal: "unknown" as const }
        const key = found.value
        const refusal = over(key, now)
        if (refusal !== null) return { refusal }
        if (key.cidrs.length > 0 && (address === null || !inRange(address, key.cidrs)))
          return { refusal: "address" as const }
        return { principal: principalOf(key) }
      }),
      create: Effect.fn("ApiKeys.create")(function* (spec: NewApiKey) {
        const key = KeyFormat.generate(keyLabel)
        const record = new ApiKey({
          ...spec,
          id: yield* NewId.make("key"),
          digest: KeyFormat.digest(pepper, key),
          hint: KeyFormat.hint(key),
          revokedAtMillis: null,
          lastUsedAtMillis: null,
          createdAtMillis: yield* Clock.currentTimeMillis
        })
        yield* store.insert(record)
        return { key, record }
      }),
      list: store.list,
      revoke: Effect.fn("ApiKeys.revoke")(function* (id: string) {
        yield* store.revoke(id, yield* Clock.currentTimeMillis)
        remembered.clear()
      })
    })
  })

export const layer = (pepper: Uint8Array, keyLabel: string): Layer.Layer<ApiKeys, never, ApiKeyStore> =>
  Layer.effect(ApiKeys, make(pepper, keyLabel))
