/** An adapter of somebody else: log streams as lines of a file, each marked with its owner. */
import * as Adapter from "@rdev/core/adapter/Adapter"
import { make, ResourceError, type ResourceOwner } from "@rdev/core/adapter/ResourceProvider"
import { Effect, Option, Redacted, Schema } from "effect"
import { randomBytes } from "node:crypto"
import { existsSync, readFileSync, writeFileSync } from "node:fs"

interface Stream {
  readonly name: string
  readonly owner: ResourceOwner
  readonly token: string
}
const outputs = Schema.Struct({ LOG_STREAM: Schema.String, LOG_TOKEN: Adapter.Secret })

const provider = (file: string) => {
  const read = (): ReadonlyArray<Stream> =>
    existsSync(file)
      ? readFileSync(file, "utf8")
          .split("\n")
          .filter((line) => line !== "")
          .map((line) => JSON.parse(line) as Stream)
      : []
  const write = (all: ReadonlyArray<Stream>) =>
    writeFileSync(file, all.map((one) => `${JSON.stringify(one)}\n`).join(""))
  const nameOf = ({ environment, project }: ResourceOwner) => `${project.name}.${environment?.name ?? "all"}`
  const own = (verb: string, owner: ResourceOwner) =>
    Effect.suspend(() => {
      const found = read().find(({ name }) => name === nameOf(owner))
      return found !== undefined && found.owner.id !== owner.id
        ? Effect.fail(
            new ResourceError({
              operation: `Logging.${verb}`,
              reason: { _tag: "Foreign", message: `stream ${found.name} belongs to ${found.owner.id}` }
            })
          )
        : Effect.succeed(Option.fromUndefinedOr(found))
    })
  const put = (owner: ResourceOwner) => {
    const stream = { name: nameOf(owner), owner, token: randomBytes(12).toString("hex") }
    write([...read().filter(({ name }) => name !== stream.name), stream])
    return { LOG_STREAM: stream.name, LOG_TOKEN: Redacted.make(stream.token) }
  }
  return make({
    kind: "logging",
    provider: "file",
    per: "environment",
    outputs,
    observe: (owner) =>
      Effect.map(
        own("observe", owner),
        Option.map(({ name }) => ({ externalId: name, drift: null }))
      ),
    ensure: (owner) =>
      Effect.map(own("ensure", owner), (found) => ({
        externalId: nameOf(owner),
        created: Option.isNone(found),
        outputs: Option.isNone(found) ? put(owner) : null
      })),
    rotate: (owner) =>
      Effect.flatMap(own("rotate", owner), (found) =>
        Option.isSome(found)
          ? Effect.sync(() => put(owner))
          : Effect.fail(
              new ResourceError({
                operation: "Logging.rotate",
                reason: { _tag: "NotFound", message: `stream ${nameOf(owner)} does not exist` }
              })
            )
      ),
    remove: (owner) =>
      Effect.map(own("remove", owner), () => write(read().filter(({ name }) => name !== nameOf(owner)))),
    list: Effect.sync(() => read().map(({ name, owner }) => ({ owner, externalId: name, createdAtMillis: null })))
  })
}

export default Adapter.define({
  api: 1,
  name: "acme-logging",
  slots: {},
  resources: {
    logging: {
      config: Schema.Struct({ file: Schema.NonEmptyString, key: Schema.optionalKey(Adapter.Secret) }),
      provider: ({ file }) => Effect.sync(() => provider(file))
    }
  }
})
