/**
 * One certificate from an authority: order, challenges, certificate. The record is saved before each step that leaves something behind, so
 * that whoever comes after a crash goes on with the same order. What cannot end well any more is given up, and its TXT records are gone.
 */
import { isRetryable } from "@rdev/core/ports/infra/PortReason"
import { Clock, Effect, Redacted } from "effect"
import { createPrivateKey, X509Certificate } from "node:crypto"
import * as AcmeClient from "./AcmeClient.ts"
import { AcmeFailure, fail, unavailable } from "./AcmeFailure.ts"
import { classifyError, problemOf } from "./classifyError.ts"
import type { Propagation } from "./Propagation.ts"
import type { Certificate, Issued, Pending } from "./Records.ts"

export interface World {
  readonly client: AcmeClient.AcmeClient
  readonly profile: string | null
  readonly save: (record: Certificate) => Effect.Effect<void, AcmeFailure>
  readonly publish: (name: string, values: ReadonlyArray<string>) => Effect.Effect<void, AcmeFailure>
  readonly propagation: Propagation
  /** How long each wait may take: for the zone's servers, for the authority. */
  readonly patienceMillis: number
}
type Step<A> = Effect.Effect<A, AcmeFailure>
type Ordered = Certificate & { readonly order: Pending }

/** Asks until `done`, at first every second, later every five. */
const until = <A>(world: World, ask: Step<A>, done: (answer: A) => boolean, late: (answer: A) => string): Step<A> =>
  Effect.gen(function* () {
    const began = yield* Clock.currentTimeMillis
    for (let turn = 1; ; turn++) {
      const answer = yield* ask
      if (done(answer)) return answer
      if ((yield* Clock.currentTimeMillis) - began > world.patienceMillis) return yield* unavailable(late(answer))
      yield* Effect.sleep(Math.min(turn * 500, 5_000))
    }
  })

const textName = ({ identifier }: AcmeClient.Authorization) => `_acme-challenge.${identifier.value}`
const challengeOf = (authorization: AcmeClient.Authorization) =>
  authorization.challenges.find(({ type }) => type === "dns-01")

/** An authorization that failed, as what was found at its record. */
const refused = (authorization: AcmeClient.Authorization, now: number): AcmeFailure => {
  const challenge = authorization.challenges.find(({ error }) => error !== undefined)
  const refusal = {
    authority: new URL(authorization.url).host,
    asked: `${textName(authorization)} TXT`,
    status: null,
    problem: problemOf(challenge?.error),
    retryAfter: null,
    said: `the authorization is ${authorization.status}`
  }
  return new AcmeFailure({ reason: classifyError(refusal, now), refusal, isFinal: true })
}

/** Of the authorizations that are still open: the values by record. Those of one name are told together. */
const valuesOf = (world: World, open: ReadonlyArray<AcmeClient.Authorization>) =>
  Effect.gen(function* () {
    const values = new Map<string, Array<string>>()
    for (const authorization of open) {
      const challenge = challengeOf(authorization)
      if (challenge === undefined)
        return yield* fail({
          _tag: "Unsupported",
          message: `the authority offers no DNS-01 for ${authorization.identifier.value}`
        })
      const name = textName(authorization)
      values.set(name, [...(values.get(name) ?? []), yield* world.client.valueOf(challenge)])
    }
    return values
  })

const authorized = (world: World, record: Ordered, order: AcmeClient.Order): Step<Ordered> =>
  Effect.gen(function* () {
    const all = yield* world.client.authorizations(order)
    const open = all.filter(({ status }) => status === "pending")
    const values = yield* valuesOf(world, open)
    const noted = {
      ...record,
      order: { ...record.order, texts: [...new Set([...record.order.texts, ...values.keys()])] }
    }
    if (values.size > 0) yield* world.save(noted)
    for (const [name, list] of values) yield* world.publish(name, list)
    for (const [name, list] of values)
      yield* until(
        world,
        world.propagation(name, list),
        ({ ok }) => ok,
        ({ detail }) => `${name} TXT is not where the authority will ask: ${detail}`
      )
    for (const authorization of open) {
      const challenge = challengeOf(authorization)
      if (challenge?.status === "pending") yield* world.client.answer(challenge, `${textName(authorization)} TXT`)
    }
    const settled = yield* until(
      world,
      world.client.authorizations(order),
      (now) => now.every(({ status }) => status !== "pending") || now.some(({ status }) => isDead(status)),
      (now) =>
        `the authority has not looked at ${now
          .filter(({ status }) => status === "pending")
          .map(textName)
          .join(" and ")} yet`
    )
    const dead = settled.find(({ status }) => isDead(status))
    if (dead !== undefined) return yield* refused(dead, yield* Clock.currentTimeMillis)
    return yield* retracted(world, noted)
  })
const isDead = (status: string) => status !== "pending" && status !== "valid"

/** The TXT records have done their work. */
const retracted = (world: World, record: Ordered): Step<Ordered> =>
  Effect.gen(function* () {
    if (record.order.texts.length === 0) return record
    for (const name of record.order.texts) yield* world.publish(name, [])
    const clean = { ...record, order: { ...record.order, texts: [] } }
    yield* world.save(clean)
    return clean
  })

/** What the authority gave, looked at: for these names, this key, and now. */
export const issuedOf = (chain: string, key: string, names: ReadonlyArray<string>, now: number): Issued | string => {
  try {
    const certificate = new X509Certificate(chain)
    const held = (certificate.subjectAltName ?? "").split(", ").map((one) => one.replace(/^DNS:/, ""))
    const missing = names.filter((name) => !held.includes(name))
    const [fromMillis, untilMillis] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)]
    if (!certificate.checkPrivateKey(createPrivateKey(key))) return "its key is another one"
    if (missing.length > 0) return `it is not for ${missing.join(", ")}`
    if (!(untilMillis > now)) return `it ended at ${certificate.validTo}`
    return { chain, key, serial: certificate.serialNumber, names: [...names], fromMillis, untilMillis }
  } catch (cause) {
    return `it cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`
  }
}

const finished = (world: World, record: Ordered, order: AcmeClient.Order): Step<Certificate> =>
  Effect.gen(function* () {
    const chain = yield* world.client.certificate(order)
    const issued = issuedOf(chain, record.order.key, record.names, yield* Clock.currentTimeMillis)
    if (typeof issued === "string")
      return yield* fail({
        _tag: "Unknown",
        message: `the authority gave a certificate that cannot be used: ${issued}`
      })
    const done = { ...record, issued, order: null, failure: null }
    yield* world.save(done)
    return done
  })

/** From wherever the order is to its certificate. */
const driven = (world: World, begun: Ordered): Step<Certificate> =>
  Effect.gen(function* () {
    let record = begun
    let order = yield* world.client.look(record.order.url)
    if (order.status === "pending") {
      record = yield* authorized(world, record, order)
      order = yield* until(
        world,
        world.client.look(record.order.url),
        ({ status }) => status !== "pending",
        () => "the authority has not made the order ready yet"
      )
    }
    // After a crash between the last authorization and this.
    record = yield* retracted(world, record)
    if (order.status === "ready") {
      const csr = yield* AcmeClient.requestFor(record.names, Redacted.make(record.order.key))
      order = yield* world.client.finalize(order, csr)
    }
    order = yield* until(
      world,
      order.status === "processing" ? world.client.look(record.order.url) : Effect.succeed(order),
      ({ status }) => status !== "processing",
      () => "the authority has not issued the certificate yet"
    )
    if (order.status === "valid") return yield* finished(world, record, order)
    const refusal = {
      authority: new URL(record.order.url).host,
      asked: `certificate for ${record.names.join(" and ")}`,
      status: null,
      problem: problemOf(order.error),
      retryAfter: null,
      said: `the order is ${order.status}`
    }
    return yield* new AcmeFailure({
      reason: classifyError(refusal, yield* Clock.currentTimeMillis),
      refusal,
      isFinal: true
    })
  })

const begin = (world: World, record: Certificate): Step<Ordered> =>
  Effect.gen(function* () {
    const key = Redacted.value(yield* AcmeClient.newKey)
    const { url } = yield* world.client.order(record.names, world.profile)
    const ordered = { ...record, order: { url, key, texts: [] } }
    yield* world.save(ordered)
    return ordered
  })

/** Nothing of the order stays in the zone; the authority forgets it by itself. */
export const abandoned = (world: Pick<World, "publish" | "save">, record: Certificate): Step<Certificate> =>
  Effect.gen(function* () {
    if (record.order === null) return record
    for (const name of record.order.texts)
      // What is somebody else's there is not of this order.
      yield* Effect.catchIf(
        world.publish(name, []),
        ({ reason }) => reason._tag === "Foreign",
        () => Effect.void
      )
    const without = { ...record, order: null }
    yield* world.save(without)
    return without
  })

/** Whether the order can still come to a certificate. */
const isAlive = ({ isFinal, reason }: AcmeFailure) => isRetryable(reason) && isFinal !== true

/** An order of before that has expired meanwhile, or that the authority has forgotten or holds to be another account's. */
const isLost = ({ refusal }: AcmeFailure) =>
  refusal?.asked === "order" &&
  refusal.problem?.type !== "accountDoesNotExist" &&
  [400, 403, 404, 410].includes(refusal.status ?? 0)

/** `latest` reads the record as it was saved last. */
export const obtain = (world: World, record: Certificate, latest: Step<Certificate | null>): Step<Certificate> =>
  Effect.gen(function* () {
    const resumes = record.order !== null
    const ordered = record.order === null ? yield* begin(world, record) : { ...record, order: record.order }
    return yield* Effect.catch(driven(world, ordered), (failure) =>
      Effect.gen(function* () {
        if (isAlive(failure)) return yield* failure
        const left = yield* abandoned(world, (yield* latest) ?? ordered)
        return resumes && isLost(failure) ? yield* obtain(world, left, latest) : yield* failure
      })
    )
  })
