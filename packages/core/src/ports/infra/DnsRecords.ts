/**
 * The Dns port over any keeper of records: what is a host name, whose a record is and that every verb may be run twice is decided here,
 * once; an adapter only finds, puts, takes away and lists records.
 */
import { Effect, Option } from "effect"
import type { ProjectId } from "../../domain/Ids.ts"
import { Dns, DnsError, type DnsRecord, isHostName, isTextName, type TextRecord } from "./Dns.ts"
import type { PortReason } from "./PortReason.ts"

/** A record as it was found; `projectId` is null when it does not carry our mark. */
export interface Found {
  readonly host: string
  readonly target: string
  readonly projectId: ProjectId | null
}
export interface Keeper {
  /** Host names are `<label>.<domain>`. */
  readonly domain: string
  readonly find: (host: string) => Effect.Effect<Found | undefined, DnsError>
  /** Makes it, or changes the target of ours. */
  readonly put: (record: DnsRecord) => Effect.Effect<void, DnsError>
  readonly remove: (host: string) => Effect.Effect<void, DnsError>
  readonly list: Effect.Effect<ReadonlyArray<Found>, DnsError>
  /** TXT records. Left out: the service has no `publish`. */
  readonly texts?: {
    /** Whose the record at this name is; undefined = nobody's. A keeper that holds ours beside those of others tells of ours alone. */
    readonly find: (name: string) => Effect.Effect<{ readonly projectId: ProjectId | null } | undefined, DnsError>
    /** These values and no others of ours, in one step; of none, the record is gone. */
    readonly put: (record: TextRecord) => Effect.Effect<void, DnsError>
  }
  /** Runs a look and the change that follows from it alone, among all processes where there are several. */
  readonly alone?: <A, E>(work: Effect.Effect<A, E>) => Effect.Effect<A, E | DnsError>
}

export const error = (verb: string, reason: PortReason, cause?: unknown): DnsError =>
  new DnsError({ operation: `Dns.${verb}`, reason, cause })

/** What a promise throws is an outage: whether it happened is not known. */
export const attempt = <A>(verb: string, work: () => Promise<A>): Effect.Effect<A, DnsError> =>
  Effect.tryPromise({
    try: work,
    catch: (cause) =>
      error(verb, { _tag: "Unavailable", message: cause instanceof Error ? cause.message : String(cause) }, cause)
  })

const isOurs = (found: Found): found is DnsRecord => found.projectId !== null

/** The project's own record, or none; another's is Foreign. */
const mine = <F extends { readonly projectId: ProjectId | null }>(
  found: Effect.Effect<F | undefined, DnsError>,
  verb: string,
  host: string,
  projectId: ProjectId
) =>
  Effect.flatMap(found, (there) =>
    there === undefined || there.projectId === projectId
      ? Effect.succeed(there)
      : Effect.fail(
          error(verb, {
            _tag: "Foreign",
            message: `${host} ${there.projectId === null ? "has a record that rdev did not make" : `belongs to ${there.projectId}`}`
          })
        )
  )

export const make = (keeper: Keeper): Dns["Service"] => {
  const alone: NonNullable<Keeper["alone"]> = keeper.alone ?? ((work) => work)
  const wrong = (field: string, message: string, verb = "ensure") =>
    Effect.fail(error(verb, { _tag: "Invalid", field, message }))
  const { texts } = keeper
  const publish = (record: TextRecord) => {
    const { name, projectId, values } = record
    if (!isTextName(name) || !name.endsWith(`.${keeper.domain}`))
      return wrong(
        "name",
        `${JSON.stringify(name)} is not a name under ${keeper.domain} that begins with an underscore`,
        "publish"
      )
    if (values.some((value) => !/^[\x20-\x7e]{1,255}$/.test(value) || /["\\]/.test(value)))
      return wrong("values", "a value is 1 to 255 characters of ASCII without quotes and backslashes", "publish")
    return alone(
      Effect.flatMap(mine(texts?.find(name) ?? Effect.undefined, "publish", name, projectId), (there) =>
        there === undefined && values.length === 0
          ? Effect.void
          : (texts?.put({ name, projectId, values: [...new Set(values)] }) ?? Effect.void)
      )
    ).pipe(Effect.withSpan("Dns.publish"))
  }
  return Dns.of({
    hostFor: (label) => `${label}.${keeper.domain}`,
    ensure: ({ host, projectId, target }) =>
      !isHostName(host) || !host.endsWith(`.${keeper.domain}`)
        ? wrong("host", `${JSON.stringify(host)} is not a host name under ${keeper.domain}`)
        : alone(
            Effect.gen(function* () {
              const there = yield* mine(keeper.find(host), "ensure", host, projectId)
              if (there?.target !== target) yield* keeper.put({ host, projectId, target })
              return { externalId: host, created: there === undefined }
            })
          ).pipe(Effect.withSpan("Dns.ensure")),
    observe: (host) =>
      Effect.map(keeper.find(host), (there) =>
        there !== undefined && isOurs(there) ? Option.some({ ...there }) : Option.none()
      ),
    remove: (projectId, host) =>
      alone(
        Effect.flatMap(mine(keeper.find(host), "remove", host, projectId), (there) =>
          there === undefined ? Effect.void : keeper.remove(host)
        )
      ).pipe(Effect.withSpan("Dns.remove")),
    list: Effect.map(keeper.list, (all) => all.filter(isOurs).sort((a, b) => (a.host < b.host ? -1 : 1))),
    ...(texts === undefined ? {} : { publish })
  })
}
