/**
 * How a package becomes an adapter: `Adapter.define` names the slots that it can fill, what each takes as configuration, and the layer
 * that it becomes. The value is the default export of the package's `./adapter`, and its package.json says `"rdev": { "adapter": 1 }`.
 * An installation decodes the configuration, builds the layers it was told to, and asks each slot for its health; there is no other
 * life cycle: what a layer acquires in its scope is released with it.
 */
import { Effect, Layer, Redacted, Result, Schema, SchemaIssue, type Scope } from "effect"
import { describe, PortReason } from "../ports/infra/PortReason.ts"
import type { Host } from "./Host.ts"
import type { ResourceProvider } from "./ResourceProvider.ts"
import type { SlotName, SlotNeeds, SlotServices } from "./Slots.ts"

/** The version of this contract. An adapter that was written for another is refused, and told so. */
export const api = 1

/** Why a slot cannot be filled. What it says is shown to operators: never put a secret in. */
export class AdapterError extends Schema.TaggedError<AdapterError>()("AdapterError", {
  /** e.g. `Gitea.layer`. */
  operation: Schema.String,
  reason: PortReason,
  /** What to do, as a sentence. */
  fix: Schema.optional(Schema.String),
  cause: Schema.optional(Schema.Defect())
}) {
  override get message(): string {
    return `${this.operation}: ${describe(this.reason)}`
  }
}

/** What `rdev adapters` and `rdev doctor` say of a slot. */
export interface Health {
  readonly ok: boolean
  /** In a few words, without secrets: what answered, or what is wrong and what to do. */
  readonly detail: string
  /** Parts that were looked at one by one. */
  readonly checks?: ReadonlyArray<{ readonly name: string; readonly ok: boolean; readonly detail: string }>
}

/** A decoded configuration, or all that is wrong with it: `missing`, `unknown`, or what was expected. */
export type Decoded =
  | { readonly ok: true; readonly value: unknown }
  | {
      readonly ok: false
      readonly issues: ReadonlyArray<{ readonly message: string; readonly path: ReadonlyArray<PropertyKey> }>
    }

export interface Slot<N extends SlotName, C> {
  /** A Schema.Struct: the keys beside `use`. Fields that are `Secret` are given by reference. Descriptions become documentation. */
  readonly config: Schema.Decoder<C>
  readonly layer: (config: C) => Layer.Layer<SlotServices[N], AdapterError, SlotNeeds[N]>
  /** Asks what is behind the port, for real and without changing anything. It is given 5 seconds. */
  readonly health: (config: C) => Effect.Effect<Health, AdapterError, SlotServices[N] | Host>
  /** References that other slots look at (see Host.ts), built before any of them. */
  readonly offers?: (config: C) => Layer.Layer<never, AdapterError, Host>
  /** Built side by side with the stores, for what takes long to find out. Share it with `layer` by being the same Layer value. */
  readonly prepare?: (config: C) => Layer.Layer<never, AdapterError, Host>
  /** Of `stores`: whether several processes may use them at once. */
  readonly shared?: (config: C) => boolean
  /** What `rdev doctor` asks where no server runs. Left out: the slot is built in a folder that is thrown away and asked for its health. */
  readonly probe?: (config: C) => Effect.Effect<Health, AdapterError, Host>
  /**
   * Made by `define`. A schema and a Redacted belong to the copy of effect that made them, and an installation often has another one than
   * the adapter: so the adapter decodes, from plain values and `secretInput`s, and answers with plain values.
   */
  readonly decode?: (input: unknown) => Decoded
}
/** One of which only the contract is known: what its functions take is what its own schema decodes, and nothing else. */
export interface AnySlot {
  readonly config: Schema.Top
  readonly layer: (config: never) => Layer.Layer<never, AdapterError, SlotNeeds[SlotName]>
  readonly health: (config: never) => Effect.Effect<Health, AdapterError, SlotServices[SlotName] | Host>
  readonly offers?: (config: never) => Layer.Layer<never, AdapterError, Host>
  readonly prepare?: (config: never) => Layer.Layer<never, AdapterError, Host>
  readonly shared?: (config: never) => boolean
  readonly probe?: (config: never) => Effect.Effect<Health, AdapterError, Host>
  readonly decode?: (input: unknown) => Decoded
}

/**
 * A kind of resource that projects get, chosen under `resources.<kind>` of the platform file. The provider is built in a scope: what it
 * acquires is released with the installation. Its `list` is asked for its health.
 */
export interface ResourceSlot<C> {
  /** As of a slot. */
  readonly config: Schema.Decoder<C>
  readonly provider: (config: C) => Effect.Effect<ResourceProvider, AdapterError, Host | Scope.Scope>
  /** Made by `define`, as of a slot. */
  readonly decode?: (input: unknown) => Decoded
}
export interface AnyResourceSlot {
  readonly config: Schema.Top
  readonly provider: (config: never) => Effect.Effect<ResourceProvider, AdapterError, Host | Scope.Scope>
  readonly decode?: (input: unknown) => Decoded
}

export interface Adapter {
  readonly api: typeof api
  /** As in `use: <name>`, for people. */
  readonly name: string
  readonly slots: { readonly [N in SlotName]?: AnySlot }
  /** By kind, e.g. `logging`. */
  readonly resources?: Readonly<Record<string, AnyResourceSlot>>
}

/** An adapter whose slots and resources are typed by their configurations. */
export interface Defined<C, D = unknown> {
  readonly api: typeof api
  readonly name: string
  readonly slots: { readonly [N in keyof C]: Slot<N & SlotName, C[N]> }
  readonly resources?: { readonly [K in keyof D]: ResourceSlot<D[K]> }
}

const secretKey: unique symbol = Symbol.for("rdev/adapter/secret") as never
/** A secret on its way to `decode`. */
export const secretInput = (value: string): object => ({ [secretKey]: value })

const revealed = (input: unknown): unknown => {
  if (typeof input !== "object" || input === null || Redacted.isRedacted(input)) return input
  if (Array.isArray(input)) return input.map(revealed)
  const secret: unknown = Reflect.get(input, secretKey)
  return typeof secret === "string"
    ? Redacted.make(secret)
    : Object.fromEntries(Object.entries(input).map(([key, value]) => [key, revealed(value)]))
}
const formatter = SchemaIssue.makeFormatterStandardSchemaV1({
  leafHook: (issue) =>
    issue._tag === "UnexpectedKey"
      ? "unknown"
      : issue._tag === "MissingKey"
        ? "missing"
        : SchemaIssue.defaultLeafHook(issue)
})
const decoderOf = (schema: Schema.Top) => {
  const decode = Schema.decodeUnknownResult(schema as Schema.Decoder<unknown>, {
    onExcessProperty: "error",
    errors: "all"
  })
  return (input: unknown): Decoded => {
    const result = decode(revealed(input))
    if (Result.isSuccess(result)) return { ok: true, value: result.success }
    const issues = formatter(result.failure.issue).issues.map(({ message, path = [] }) => ({
      message,
      path: path.map((part) => (typeof part === "object" ? part.key : part))
    }))
    return { ok: false, issues }
  }
}

const decoding = <S extends { readonly config: Schema.Top }>(slots: object): never =>
  Object.fromEntries(
    Object.entries(slots as Readonly<Record<string, S>>).map(([name, slot]) => [
      name,
      { ...slot, decode: decoderOf(slot.config) }
    ])
  ) as never

/** Types slots and resources from their configuration, and adds how it is decoded. */
export const define = <const C extends { readonly [N in SlotName]?: unknown }, const D = unknown>(
  adapter: Defined<C, D>
): Defined<C, D> => ({
  ...adapter,
  slots: decoding(adapter.slots),
  ...(adapter.resources === undefined ? {} : { resources: decoding(adapter.resources) })
})

const secretMark = "rdev/adapter/Secret"
const variableMark = "rdev/adapter/variable"

/**
 * A secret of a configuration. In the file it is never written but named: `{ env: VARIABLE }` or `{ file: PATH }`. The adapter gets it
 * as Redacted, and the installation masks its value wherever text is kept.
 */
export const Secret: Schema.Codec<Redacted.Redacted<string>> = Schema.Redacted(Schema.NonEmptyString).annotate({
  [secretMark]: true,
  expected: "a secret: { env: VARIABLE } or { file: PATH }"
}) as never

/** How the text of a variable becomes the value of a key. */
export type VariableForm = "text" | "number" | "flag" | "list" | "secret"

/** Marks a field that is read from this environment variable where the file does not say it. */
export const variable =
  (name: string, form: VariableForm = "text") =>
  <S extends Schema.Top>(schema: S): S["Rebuild"] =>
    schema.annotate({ [variableMark]: { name, form } } as never)

const marksOf = (annotations: unknown, mark: string): unknown =>
  typeof annotations === "object" && annotations !== null ? Reflect.get(annotations, mark) : undefined
export const isSecret = (annotations: unknown): boolean => marksOf(annotations, secretMark) === true
export const variableOf = (annotations: unknown): { readonly name: string; readonly form: VariableForm } | null => {
  const found = marksOf(annotations, variableMark)
  return typeof found === "object" && found !== null
    ? (found as { readonly name: string; readonly form: VariableForm })
    : null
}

/** Known by its tag: it may come from another copy of this package. */
export const isAdapterError = (error: unknown): error is AdapterError =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "AdapterError" && "reason" in error

/** A port's error, with its reason. */
interface Failure {
  readonly reason: PortReason
}

/** Turns what a layer of the same package fails with into an AdapterError that keeps it as its cause. */
export const failing =
  (operation: string, fix?: string) =>
  <A, E extends Failure, R>(layer: Layer.Layer<A, E, R>): Layer.Layer<A, AdapterError, R> =>
    Layer.catch(layer, (cause) =>
      Layer.effectContext(
        Effect.fail(new AdapterError({ operation, reason: cause.reason, cause, ...(fix === undefined ? {} : { fix }) }))
      )
    ) as Layer.Layer<A, AdapterError, R>

/** The same for an effect. */
export const failed =
  (operation: string) =>
  <A, E extends Failure, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, AdapterError, R> =>
    Effect.mapError(effect, (cause) => new AdapterError({ operation, reason: cause.reason, cause }))

/** A layer that fails at once: for a choice that an adapter finds impossible. */
export const refuse = <A>(operation: string, reason: PortReason, fix?: string): Layer.Layer<A, AdapterError> =>
  Layer.effectContext<A, AdapterError, never>(
    Effect.fail(new AdapterError({ operation, reason, ...(fix === undefined ? {} : { fix }) }))
  )

/** Asks a port's own verb for health: `ok` says what its answer means. */
export const healthOf = <A, E extends Failure, R>(
  verb: Effect.Effect<A, E, R>,
  ok: (answer: A) => string
): Effect.Effect<Health, never, R> =>
  Effect.match(verb, {
    onSuccess: (answer) => ({ ok: true, detail: ok(answer) }),
    onFailure: ({ reason }) => ({ ok: false, detail: describe(reason) })
  })

/** A value by the look of an adapter: of another copy of this package too, as its types are told by keys. */
export const isAdapterLike = (value: unknown): value is { readonly api: unknown; readonly slots: object } =>
  typeof value === "object" &&
  value !== null &&
  "api" in value &&
  "name" in value &&
  typeof value.name === "string" &&
  "slots" in value &&
  typeof value.slots === "object" &&
  value.slots !== null
