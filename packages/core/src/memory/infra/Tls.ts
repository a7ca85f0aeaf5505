/** Certificates in memory, valid for 90 days on the Clock. */
import { Clock, Effect, Layer, Option } from "effect"
import type { PortReason } from "../../ports/infra/PortReason.ts"
import { type Certificate, Tls, TlsError } from "../../ports/infra/Tls.ts"
import { ProviderProbe, watched } from "./ProviderProbe.ts"

const validMillis = 90 * 86_400_000
const refuse = (operation: string, reason: PortReason) => new TlsError({ operation, reason })

const make = Effect.gen(function* () {
  const certificates = new Map<string, Certificate>()
  const foreign = (verb: string, host: string, owner: string) =>
    Effect.fail(refuse(`Tls.${verb}`, { _tag: "Foreign", message: `the certificate of ${host} belongs to ${owner}` }))
  const service = Tls.of({
    ensure: (projectId, host) =>
      Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        const found = certificates.get(host)
        if (found !== undefined && found.projectId !== projectId) return yield* foreign("ensure", host, found.projectId)
        const certificate = found ?? { projectId, host, externalId: `cert-${host}`, notAfterMillis: now + validMillis }
        certificates.set(host, certificate)
        return { ...certificate, created: found === undefined }
      }),
    observe: (host) => Effect.sync(() => Option.fromUndefinedOr(certificates.get(host))),
    remove: (projectId, host) =>
      Effect.suspend(() => {
        const found = certificates.get(host)
        if (found !== undefined && found.projectId !== projectId) return foreign("remove", host, found.projectId)
        certificates.delete(host)
        return Effect.void
      })
  })
  return watched("Tls", service, refuse, yield* ProviderProbe)
})

export const layer: Layer.Layer<Tls> = Layer.effect(Tls, make)
