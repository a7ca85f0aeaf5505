/** What every provider of resources must do: made once, looked at, given new secrets, listed by owner, removed; never another owner's. */
import { assert, layer as withLayer } from "@effect/vitest"
import type { ResourceFailure, ResourceOwner, ResourceProvider, Wish } from "@rdev/core/adapter/ResourceProvider"
import * as Hosts from "@rdev/core/domain/hosts/Hosts"
import { ProjectName } from "@rdev/core/domain/Project"
import * as NewId from "@rdev/core/ids/NewId"
import { Effect, type Layer, Option } from "effect"

export interface Options {
  /** What else is asked for beside the owner, e.g. a template that there is. */
  readonly wish?: Partial<Wish>
  /** Whether the provider's list tells what it made; some things cannot be listed. Default true. */
  readonly listed?: boolean
  /** What must be there before, e.g. the repository of a pipeline. */
  readonly before?: (owner: ResourceOwner) => Effect.Effect<void, unknown>
  /** Names of environments that it can be made for. Default staging and production. */
  readonly domain?: string
}

const failing = <A, R>(effect: Effect.Effect<A, ResourceFailure, R>) =>
  Effect.map(Effect.flip(effect), ({ reason }) => reason._tag)

export const suite = <R>(
  name: string,
  layer: Layer.Layer<R, unknown>,
  made: Effect.Effect<ResourceProvider<R>, unknown, R>,
  { before = () => Effect.void, domain = "localhost", listed = true, wish = {} }: Options = {}
): void => {
  let counter = 0
  const wishOf: Wish = {
    key: "suite",
    template: "default",
    description: "",
    defaultBranch: "main",
    commit: "0".repeat(40),
    keep: true,
    variables: {},
    ...wish
  }
  /** An owner that nobody has used, as the provider's kind wants one. */
  const fresh = Effect.gen(function* () {
    counter += 1
    const project = {
      id: yield* NewId.make("proj"),
      name: ProjectName.make(`suite-${process.pid % 1000}-${counter}`)
    }
    const provider = yield* made
    const own = provider.per === "environment"
    const owner: ResourceOwner = {
      id: own ? yield* NewId.make("env") : project.id,
      project,
      environment: own ? { name: "staging", kind: "staging" } : null,
      hosts: [Hosts.hostOf(Hosts.staging(project.name), domain)],
      address: "127.0.0.1"
    }
    yield* Effect.orDie(before(owner) as Effect.Effect<void, unknown>)
    return { provider, owner }
  })
  withLayer(layer as Layer.Layer<R, never>, { excludeTestServices: true })(`ResourceProvider: ${name}`, (it) => {
    it.effect("names its kind, its variables and what must be there first", () =>
      Effect.gen(function* () {
        const provider = yield* made
        assert.match(provider.kind, /^[a-z][a-z0-9-]{0,39}$/)
        assert.isNotEmpty(provider.provider)
        for (const variable of provider.variables) assert.match(variable, /^[A-Z][A-Z0-9_]*$/)
        assert.isFalse((provider.after ?? []).includes(provider.kind))
      })
    )

    it.effect("of a missing one: sees none, and removes it all the same", () =>
      Effect.gen(function* () {
        const { owner, provider } = yield* fresh
        if (provider.observe !== undefined) assert.isTrue(Option.isNone(yield* provider.observe(owner, wishOf)))
        yield* provider.remove(owner)
      })
    )

    it.effect("makes it once; its outputs are all of its variables, and come again only as new ones", () =>
      Effect.gen(function* () {
        const { owner, provider } = yield* fresh
        const first = yield* provider.ensure(owner, wishOf)
        assert.isTrue(first.created)
        assert.isNotEmpty(first.externalId)
        if (first.outputs === null) return assert.fail("a new one comes with its outputs")
        assert.sameMembers(Object.keys(first.outputs), [...provider.variables])
        for (const value of Object.values(first.outputs)) assert.isString(value)
        const again = yield* provider.ensure(owner, wishOf)
        assert.deepStrictEqual([again.created, again.externalId], [false, first.externalId])
        if (provider.variables.length > 0) assert.isNull(again.outputs)
        const shown = JSON.stringify([first.attributes ?? {}, first.externalId])
        for (const value of Object.values(first.outputs))
          if (value !== first.externalId) assert.notInclude(shown, value, "an output is shown")
        if (provider.observe === undefined) return
        const seen = Option.getOrThrow(yield* provider.observe(owner, wishOf))
        assert.deepStrictEqual([seen.externalId, seen.drift], [first.externalId, null])
        assert.deepStrictEqual(seen.attributes ?? {}, first.attributes ?? {})
      })
    )

    it.effect("lists what it made, by owner, until it is removed", () =>
      Effect.gen(function* () {
        const { owner, provider } = yield* fresh
        const { externalId } = yield* provider.ensure(owner, wishOf)
        const mine = Effect.map(provider.list, (all) =>
          all.filter((one) => one.owner.project.id === owner.project.id).map((one) => one.externalId)
        )
        if (listed) assert.deepStrictEqual(yield* mine, [externalId])
        yield* provider.remove(owner)
        yield* provider.remove(owner)
        assert.deepStrictEqual(yield* mine, [])
        if (provider.observe !== undefined) assert.isTrue(Option.isNone(yield* provider.observe(owner, wishOf)))
        assert.isTrue((yield* provider.ensure(owner, wishOf)).created, "it can be made anew")
      })
    )

    it.effect("gives new secrets; of a missing one it cannot", () =>
      Effect.gen(function* () {
        const { owner, provider } = yield* fresh
        if (provider.rotate === undefined) return assert.isUndefined(provider.rotate)
        assert.strictEqual(yield* failing(provider.rotate(owner)), "NotFound")
        const { outputs } = yield* provider.ensure(owner, wishOf)
        const rotated = yield* provider.rotate(owner)
        assert.sameMembers(Object.keys(rotated), [...provider.variables])
        assert.notDeepEqual(rotated, outputs)
      })
    )

    it.effect("never touches another owner's", () =>
      Effect.gen(function* () {
        const { owner, provider } = yield* fresh
        const { externalId } = yield* provider.ensure(owner, wishOf)
        const id = yield* NewId.make("proj")
        const other: ResourceOwner = {
          ...owner,
          id: provider.per === "environment" ? yield* NewId.make("env") : id,
          project: { ...owner.project, id }
        }
        assert.strictEqual(yield* failing(provider.ensure(other, wishOf)), "Foreign")
        assert.strictEqual(yield* failing(provider.remove(other)), "Foreign")
        if (provider.rotate !== undefined) assert.strictEqual(yield* failing(provider.rotate(other)), "Foreign")
        if (provider.observe !== undefined)
          assert.strictEqual(yield* failing(provider.observe(other, wishOf)), "Foreign")
        if (provider.observe !== undefined)
          assert.strictEqual(Option.getOrThrow(yield* provider.observe(owner, wishOf)).externalId, externalId)
      })
    )
  })
}
