/** A forge that remembers nothing after its process, as an adapter in a file: the server has no `/git` then. */
import * as Adapter from "@rdev/core/adapter/Adapter"
import * as MemoryForge from "@rdev/core/memory/infra/Forge"
import { Forge } from "@rdev/core/ports/infra/Forge"
import { Effect, Schema } from "effect"

export default Adapter.define({
  api: 1,
  name: "memory-forge",
  slots: {
    forge: {
      config: Schema.Struct({ organisation: Schema.NonEmptyString, token: Adapter.Secret }),
      layer: () => MemoryForge.layer,
      health: ({ organisation }) =>
        Effect.flatMap(Forge, (forge) =>
          Adapter.healthOf(forge.listRepositories, (all) => `${all.length} repositories of ${organisation}`)
        )
    }
  }
})
