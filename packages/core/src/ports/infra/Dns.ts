/** Host names of projects. A record carries its owner; a record of another owner is Foreign and never changed. */
import { Context, type Effect, type Option, Schema } from "effect"
import { isHostName } from "../../domain/hosts/Hosts.ts"
import type { ProjectId } from "../../domain/Ids.ts"
import { describe, isRetryable, portErrorFields } from "./PortReason.ts"

export class DnsError extends Schema.TaggedError<DnsError>()("DnsError", portErrorFields) {
  override get message(): string {
    return `${this.operation}: ${describe(this.reason)}`
  }
  get retryable(): boolean {
    return isRetryable(this.reason)
  }
}
/** `host` is a full name such as `hello.localhost`; `target` an address, a host name, or a local route `http://127.0.0.1:PORT`. */
export interface DnsRecord {
  readonly projectId: ProjectId
  readonly host: string
  readonly target: string
}

/** What is none is Invalid(host). */
export { isHostName }

/** `_acme-challenge.<host>` and the like: a label that begins with an underscore before a host name. What is none is Invalid(name). */
export const isTextName = (name: string): boolean =>
  name.length <= 253 &&
  /^_[a-z0-9](?:[a-z0-9_-]{0,60}[a-z0-9])?\./.test(name) &&
  isHostName(name.slice(name.indexOf(".") + 1))

/** What proves to an authority that a name is ours, such as the challenges of RFC 8555 (DNS-01). */
export interface TextRecord {
  readonly projectId: ProjectId
  /** See isTextName. */
  readonly name: string
  /** All values of the project at this name, each at most 255 characters of ASCII. Two challenges of one name are two values. */
  readonly values: ReadonlyArray<string>
}

export class Dns extends Context.Service<
  Dns,
  {
    /** The host name this installation would give to `<label>` (e.g. `hello` or `staging.hello`). */
    hostFor(label: string): string
    ensure(record: DnsRecord): Effect.Effect<{ readonly externalId: string; readonly created: boolean }, DnsError>
    observe(host: string): Effect.Effect<Option.Option<DnsRecord>, DnsError>
    remove(projectId: ProjectId, host: string): Effect.Effect<void, DnsError>
    list: Effect.Effect<ReadonlyArray<DnsRecord>, DnsError>
    /**
     * Makes these the project's values at the name, in one step; none takes the record away. Records of others are never changed. Absent
     * where the keeper of names has no TXT records: authorities that ask for them cannot be used then.
     */
    readonly publish?: (record: TextRecord) => Effect.Effect<void, DnsError>
  }
>()("rdev/ports/Dns") {}
