/** Host names of projects. A record carries its owner; a record of another owner is Foreign and never changed. */
import { Context, type Effect, type Option, Schema } from "effect"
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
export { isHostName } from "../../domain/hosts/Hosts.ts"

export class Dns extends Context.Service<
  Dns,
  {
    /** The host name this installation would give to `<label>` (e.g. `hello` or `staging.hello`). */
    hostFor(label: string): string
    ensure(record: DnsRecord): Effect.Effect<{ readonly externalId: string; readonly created: boolean }, DnsError>
    observe(host: string): Effect.Effect<Option.Option<DnsRecord>, DnsError>
    remove(projectId: ProjectId, host: string): Effect.Effect<void, DnsError>
    list: Effect.Effect<ReadonlyArray<DnsRecord>, DnsError>
  }
>()("rdev/ports/Dns") {}
