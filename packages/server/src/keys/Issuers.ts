/**
 * Who stands behind what was derived from an API key (see core's Issuers): the key's record, looked up at most every
 * `rememberMillis`, so that whatever runs in a key's name hears within that time that it was revoked on another replica.
 */
import type { ApiKey } from "@rdev/core/domain/ApiKey"
import { platform, type Principal } from "@rdev/core/domain/Principal"
import { ApiKeyStore } from "@rdev/core/ports/stores/ApiKeyStore"
import { Issuers } from "@rdev/core/services/Issuers"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { inRange } from "./Addresses.ts"

export const rememberMillis = 2_000
const maxRemembered = 1_000

/** Who everybody is where no keys are asked for. */
export const localOwner: Principal = { id: "local", name: "local", type: "human", scopes: ["admin"], projects: null }

export const principalOf = (key: ApiKey): Principal => ({
  id: key.id,
  name: key.name,
  type: key.type ?? "human",
  scopes: key.scopes,
  projects: key.projects
})

/** Why a key is good for nothing any more; null while it is good. */
export const over = (key: ApiKey, nowMillis: number): "revoked" | "expired" | null =>
  key.revokedAtMillis !== null
    ? "revoked"
    : key.expiresAtMillis !== null && key.expiresAtMillis <= nowMillis
      ? "expired"
      : null

/** `auth`: where no keys are asked for, everybody is the local owner. */
export const layer = (auth: "keys" | "off"): Layer.Layer<never, never, ApiKeyStore> =>
  Layer.effect(
    Issuers,
    Effect.map(ApiKeyStore, (store) => {
      const remembered = new Map<string, { readonly key: Option.Option<ApiKey>; readonly untilMillis: number }>()
      const find = Effect.fnUntraced(function* (id: string, now: number) {
        const known = remembered.get(id)
        if (known !== undefined && known.untilMillis > now) return known.key
        const key = yield* store.byId(id)
        if (remembered.size >= maxRemembered)
          for (const old of [...remembered.keys()].slice(0, maxRemembered / 2)) remembered.delete(old)
        remembered.set(id, { key, untilMillis: now + rememberMillis })
        return key
      })
      return {
        principal: Effect.fn("Issuers.principal")(function* (id, address) {
          if (id === platform.id) return Option.some(platform)
          if (id === localOwner.id) return auth === "off" ? Option.some(localOwner) : Option.none()
          const now = yield* Clock.currentTimeMillis
          const found = yield* find(id, now)
          return Option.map(
            Option.filter(
              found,
              (key) =>
                over(key, now) === null &&
                (address === undefined || key.cidrs.length === 0 || (address !== null && inRange(address, key.cidrs)))
            ),
            principalOf
          )
        })
      }
    })
  )
