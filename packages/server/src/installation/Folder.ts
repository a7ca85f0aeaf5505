/** `templates: { use: folder }`: the templates that ship with the server, and those of a folder of one's own. */
import * as Adapter from "@rdev/core/adapter/Adapter"
import { Templates } from "@rdev/core/ports/infra/Templates"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as TemplatesDisk from "../TemplatesDisk.ts"

export default Adapter.define({
  api: 1,
  name: "folder",
  slots: {
    templates: {
      config: Schema.Struct({
        path: Schema.optionalKey(
          Schema.NonEmptyString.pipe(Adapter.variable("RDEV_TEMPLATES")).annotate({
            description: "A folder with templates of your own, beside those that come with the server."
          })
        )
      }),
      layer: ({ path }) =>
        Layer.catch(TemplatesDisk.layerOf(path ?? null), (cause) =>
          Adapter.refuse<Templates>("Templates.layer", { _tag: "Invalid", field: "path", message: cause.message })
        ),
      health: () =>
        Effect.flatMap(Templates, ({ list }) =>
          Effect.match(list, {
            onSuccess: (all) => ({ ok: true, detail: all.map(({ name }) => name).join(", ") }),
            onFailure: (error) => ({ ok: false, detail: error.message })
          })
        )
    }
  }
})
