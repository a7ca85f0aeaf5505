/**
 * Who stands behind a derived credential (a git token, a running command, an open stream, a tree): asked at every use and again
 * while it is used, so that what a key opened ends with the key. By itself it knows nobody but the platform, so that an
 * installation that forgets to say who speaks hands nothing out.
 */
import { Context, Effect, Option } from "effect"
import { platform, type Principal } from "../domain/Principal.ts"
import type { StoreError } from "../ports/stores/StoreError.ts"

/** How often what runs in somebody's name asks again; with what a look-up may be old (2 s), it ends within 5 s of its key. */
export const recheckMillis = 2_000

export interface Issuer {
  /**
   * What this principal may do now; None when it may do nothing any more: revoked, expired, removed. With the address that a
   * credential is used from, None also where the key is not for that address.
   */
  principal(id: string, address?: string | null): Effect.Effect<Option.Option<Principal>, StoreError>
}

export const Issuers = Context.Reference<Issuer>("rdev/services/Issuers", {
  defaultValue: () => ({
    principal: (id) => Effect.succeed(id === platform.id ? Option.some(platform) : Option.none())
  })
})
