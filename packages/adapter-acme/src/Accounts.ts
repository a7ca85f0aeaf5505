/** The account at the authority: its key is stored before it is registered, so that a lost answer leaves no account that nobody can use. */
import { Effect, Redacted } from "effect"
import * as AcmeClient from "./AcmeClient.ts"
import type { AcmeFailure } from "./AcmeFailure.ts"
import type { Account, Records } from "./Records.ts"

export interface Options {
  readonly directory: string
  readonly contact: ReadonlyArray<string>
  readonly binding: AcmeClient.Options["binding"]
}
type Lease = <A>(what: string, work: Effect.Effect<A, AcmeFailure>) => Effect.Effect<A, AcmeFailure>

const hasNoAccount = ({ refusal }: AcmeFailure) => refusal?.problem?.type === "accountDoesNotExist"

export const make = ({ binding, contact, directory }: Options, records: Records, lease: Lease) => {
  const clientOf = (account: Account) =>
    AcmeClient.make({ directory, binding, accountKey: Redacted.make(account.key), accountUrl: account.url })
  const registered = Effect.gen(function* () {
    const found = yield* records.account(directory)
    if (found !== null && found.url !== null) return clientOf(found)
    const account = found ?? { directory, key: Redacted.value(yield* AcmeClient.newKey), url: null }
    if (found === null) yield* records.saveAccount(account)
    const known = { ...account, url: yield* clientOf(account).register(contact) }
    yield* records.saveAccount(known)
    return clientOf(known)
  })
  const get = Effect.flatMap(records.account(directory), (found) =>
    found !== null && found.url !== null ? Effect.succeed(clientOf(found)) : lease("account", registered)
  )
  const forget = Effect.flatMap(records.account(directory), (found) =>
    found === null ? Effect.void : records.saveAccount({ ...found, url: null })
  )
  /** One that the authority has forgotten is registered anew with the same key, once. */
  return <A>(work: (client: AcmeClient.AcmeClient) => Effect.Effect<A, AcmeFailure>): Effect.Effect<A, AcmeFailure> =>
    Effect.catchIf(Effect.flatMap(get, work), hasNoAccount, () => Effect.andThen(forget, Effect.flatMap(get, work)))
}
export type Accounts = ReturnType<typeof make>
