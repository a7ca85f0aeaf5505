/**
 * Watches a fake provider: every call and what it changed is logged, and a test may make calls fail, lose their answer or hang. The log
 * is the provider's own: what it says happened is compared with what a ledger believes.
 */
import { Context, Effect } from "effect"
import type { PortReason } from "../../ports/infra/PortReason.ts"

/** `before`: the call fails and nothing happened. `after`: it happened, and the answer is lost. */
export interface Fault {
  readonly when: "before" | "after"
  readonly reason: PortReason
}

export interface Call {
  readonly port: string
  readonly verb: string
  readonly args: ReadonlyArray<unknown>
}

export interface ProviderProbe {
  /** Told when a call arrives; may answer with a fault, or never return: then the caller is dead to the provider. */
  readonly arrives: (call: Call) => Effect.Effect<Fault | null>
  /** Told when the provider has done it and is about to answer. */
  readonly answers: (call: Call, result: unknown) => Effect.Effect<void>
}

/** Set it around the building of a memory layer to watch it; without it nobody watches. */
export const ProviderProbe = Context.Reference<ProviderProbe | null>("rdev/memory/ProviderProbe", {
  defaultValue: () => null
})

const isFunction = (member: unknown): member is (...args: ReadonlyArray<unknown>) => unknown =>
  typeof member === "function"

/** The service with each of its effects reported to the probe; `refuse` makes the port's own error of a fault. */
export const watched = <S extends object>(
  port: string,
  service: S,
  refuse: (operation: string, reason: PortReason) => unknown,
  probe: ProviderProbe | null
): S => {
  if (probe === null) return service
  const around = (call: Call, effect: Effect.Effect<unknown, unknown, unknown>) =>
    Effect.gen(function* () {
      const fault = yield* probe.arrives(call)
      const lost = (reason: PortReason) => Effect.fail(refuse(`${port}.${call.verb}`, reason))
      if (fault?.when === "before") return yield* lost(fault.reason)
      const result = yield* effect
      yield* probe.answers(call, result)
      if (fault?.when === "after") return yield* lost(fault.reason)
      return result
    })
  return new Proxy(service, {
    get: (target, property) => {
      const member: unknown = Reflect.get(target, property)
      const verb = String(property)
      if (Effect.isEffect(member)) return around({ port, verb, args: [] }, member)
      if (!isFunction(member)) return member
      return (...args: ReadonlyArray<unknown>) => {
        const result = member.apply(target, [...args])
        return Effect.isEffect(result) ? around({ port, verb, args }, result) : result
      }
    }
  })
}
