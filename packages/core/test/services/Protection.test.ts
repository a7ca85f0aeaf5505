/** The default branch of a new project is protected by its forge; one elsewhere that cannot is named to whoever runs the platform. */
import { assert, describe, it } from "@effect/vitest"
import { GitEndpoint } from "@rdev/core/adapter/Host"
import * as Memory from "@rdev/core/memory"
import { ForgeError } from "@rdev/core/ports/infra/Forge"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { Templates } from "@rdev/core/ports/infra/Templates"
import * as NewId from "@rdev/core/ids/NewId"
import { ProjectName } from "@rdev/core/domain/Project"
import { PlatformKey } from "@rdev/core/services/features/act/PlatformKey"
import { repository } from "@rdev/core/services/resources/CodeProviders"
import { Effect, Layer, Logger } from "effect"

const wish = {
  key: "k",
  template: "default",
  description: "",
  defaultBranch: "main",
  commit: null,
  keep: false,
  variables: {}
}
const refusing = (reason: ForgeError["reason"], asked: Array<string>) =>
  Layer.effect(
    RepositoryHost,
    Effect.map(RepositoryHost, (host) => ({
      ...host,
      protect: (_, { branch }) => {
        asked.push(branch)
        return Effect.fail(new ForgeError({ operation: "RepositoryHost.protect", reason }))
      }
    }))
  )
const templates = Layer.succeed(Templates, {
  list: Effect.succeed([]),
  files: () => Effect.succeed([{ path: "a.txt", content: "a" }])
} as never)

const provisioned = (reason: ForgeError["reason"], here: boolean) =>
  Effect.gen(function* () {
    const said: Array<string> = []
    const asked: Array<string> = []
    const id = yield* NewId.make("proj")
    const owner = {
      id,
      project: { id, name: ProjectName.make("hello") },
      environment: null,
      hosts: [],
      address: "127.0.0.1"
    }
    const made = yield* Effect.exit(repository.ensure(owner, wish)).pipe(
      Effect.provide(
        Layer.mergeAll(
          refusing(reason, asked).pipe(Layer.provideMerge(Memory.Forge.layer)),
          Memory.PolicyStore.layer,
          Memory.CredentialStore.layer,
          templates,
          Layer.succeed(PlatformKey, null),
          Layer.succeed(GitEndpoint, here ? { handler: () => false } : null),
          Logger.layer([Logger.make(({ logLevel, message }) => void said.push(`${logLevel} ${String(message)}`))])
        )
      )
    )
    return { made: made._tag, said, asked }
  })
const unsupported = { _tag: "Unsupported", message: "the plan has no rulesets" } as const

describe("the default branch of a new project", () => {
  it.effect("is named when a forge elsewhere cannot protect it", () =>
    Effect.gen(function* () {
      const { asked, made, said } = yield* provisioned(unsupported, false)
      assert.deepStrictEqual([made, asked], ["Success", ["main"]])
      assert.lengthOf(said, 1)
      assert.match(said[0] ?? "", /^Warn.* hello .* main: .*the plan has no rulesets/)
    })
  )
  it.effect("needs no protection where every push is examined here", () =>
    Effect.map(provisioned(unsupported, true), ({ made, said }) =>
      assert.deepStrictEqual([made, said], ["Success", []])
    )
  )
  it.effect("fails the step when the forge is away, so that it is tried again", () =>
    Effect.map(provisioned({ _tag: "Unavailable", message: "away" }, false), ({ made }) =>
      assert.strictEqual(made, "Failure")
    )
  )
})
