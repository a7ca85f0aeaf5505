/** The key with which the platform signs its events; without one, a policy with a keyring does not count them. */
import type { SigningKey } from "@rdev/sdlc/repo/Trust"
import { Context } from "effect"

export const PlatformKey = Context.Reference<SigningKey | null>("rdev/services/PlatformKey", {
  defaultValue: () => null
})
