/** Resources of any kind in memory: names, owners and secrets, nothing behind them. Each comes with two variables, one of them a secret. */
import { Clock, Effect, Option, Redacted, Schema } from "effect"
import { randomBytes } from "node:crypto"
import { Secret } from "../../adapter/Adapter.ts"
import {
  make as provider,
  ResourceError,
  type ResourceOwner,
  type ResourceProvider
} from "../../adapter/ResourceProvider.ts"
import { ProviderProbe, watched } from "./ProviderProbe.ts"
import type { PortReason } from "../../ports/infra/PortReason.ts"

interface Row {
  readonly owner: ResourceOwner
  readonly createdAtMillis: number
}

/** `logging` gives `LOGGING_URL`, with a secret in it, and `LOGGING_NAME`. */
export const make = (kind: string, per: "project" | "environment"): Effect.Effect<ResourceProvider> =>
  Effect.gen(function* () {
    const probe = yield* ProviderProbe
    const rows = new Map<string, Row>()
    const prefix = kind.toUpperCase().replaceAll("-", "_")
    const nameOf = ({ environment, project }: ResourceOwner) =>
      environment === null ? project.name : `${project.name}-${environment.name}`
    const outputs = Schema.Struct({ [`${prefix}_URL`]: Secret, [`${prefix}_NAME`]: Schema.String })
    const made = (name: string) => ({
      [`${prefix}_URL`]: Redacted.make(`memory://${name}:${randomBytes(18).toString("base64url")}@localhost/`),
      [`${prefix}_NAME`]: name
    })
    const refuse = (operation: string, reason: PortReason) => new ResourceError({ operation, reason })
    const own = (verb: string, owner: ResourceOwner) =>
      Effect.suspend(() => {
        const found = rows.get(nameOf(owner))
        return found !== undefined && found.owner.id !== owner.id
          ? Effect.fail(
              refuse(`${kind}.${verb}`, {
                _tag: "Foreign",
                message: `${kind} ${nameOf(owner)} belongs to ${found.owner.id}`
              })
            )
          : Effect.succeed(Option.fromUndefinedOr(found))
      })
    const service = provider({
      kind,
      provider: "memory",
      per,
      outputs: outputs as never,
      observe: (owner) =>
        Effect.map(
          own("observe", owner),
          Option.map(() => ({ externalId: nameOf(owner), drift: null }))
        ),
      ensure: (owner) =>
        Effect.gen(function* () {
          const found = yield* own("ensure", owner)
          const name = nameOf(owner)
          if (Option.isSome(found)) return { externalId: name, created: false, outputs: null }
          rows.set(name, { owner, createdAtMillis: yield* Clock.currentTimeMillis })
          return { externalId: name, created: true, outputs: made(name) }
        }),
      rotate: (owner) =>
        Effect.flatMap(
          own("rotate", owner),
          Option.match({
            onNone: () =>
              Effect.fail(
                refuse(`${kind}.rotate`, { _tag: "NotFound", message: `${kind} ${nameOf(owner)} does not exist` })
              ),
            onSome: () => Effect.sync(() => made(nameOf(owner)))
          })
        ),
      remove: (owner) =>
        Effect.map(own("remove", owner), () => {
          rows.delete(nameOf(owner))
        }),
      list: Effect.sync(() =>
        [...rows].map(([externalId, { createdAtMillis, owner }]) => ({ owner, externalId, createdAtMillis }))
      )
    })
    return watched(kind, service, refuse, probe)
  })
