/**
 * The Router port on one machine: a route is a file `<dataDir>/routes/<host>.json`, and the Edge sends requests where it says. Every process
 * of an installation reads the same files at each question: none remembers what another may have changed.
 */
import { type Route, Route as RouteSchema, Router, RouterError } from "@rdev/core/ports/infra/Router"
import * as Hosts from "@rdev/core/domain/hosts/Hosts"
import * as Routes from "@rdev/core/ports/infra/Routes"
import { Context, Effect, Layer, Schema } from "effect"
import { readdir, rm } from "node:fs/promises"
import { join } from "node:path"
import { attempt, LocalFailure } from "../LocalFailure.ts"
import * as Damaged from "../records/Damaged.ts"
import * as FileLock from "../records/FileLock.ts"
import * as RecordFile from "../records/RecordFile.ts"
import * as Records from "../release/ReleaseRecords.ts"

const decode = Schema.decodeUnknownSync(RouteSchema)

/** Where the edge sends a request. */
export class RouteTable extends Context.Service<RouteTable, { find(host: string): Promise<Route | null> }>()(
  "rdev/adapter-local/RouteTable"
) {}

/** A name is a file's: `<host>.json` has 255 characters at most. */
const maxName = 200
const suffix = ".json"
/** Stands when what was released by earlier versions, which had no routes, got its own. */
const adoptedName = "adopted"

const failed =
  (operation: string) =>
  <A>(effect: Effect.Effect<A, LocalFailure>): Effect.Effect<A, RouterError> =>
    Effect.mapError(
      effect,
      (failure) => new RouterError({ operation: `Router.${operation}`, reason: failure.reason, cause: failure.cause })
    )

const namesIn = (folder: string): Promise<ReadonlyArray<string>> =>
  readdir(folder).catch((cause: unknown) => {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return []
    throw cause
  })

const hostIn = (url: string): string | null => URL.parse(url)?.hostname ?? null

/** Gives live releases that have no route the one that led to them so far. One that cannot be read is told of by the deployer. */
const adopt = async (dataDir: string, folder: string): Promise<void> => {
  const done = join(folder, adoptedName)
  if ((await namesIn(folder)).includes(adoptedName)) return
  for (const projectId of await Records.projectIds(dataDir)) {
    for (const environment of Records.environments) {
      const record = await Records.current(dataDir, projectId, environment)
        .then((id) => (id === null ? null : Records.read(dataDir, projectId, environment, id)))
        .catch(() => null)
      const host = record === null ? null : hostIn(record.url)
      if (host === null || host.length > maxName || !Hosts.isHostName(host)) continue
      const file = join(folder, `${host}${suffix}`)
      if ((await RecordFile.readable(file, decode)) !== null) continue
      await RecordFile.write(file, { projectId, environment, host, backend: { _tag: "Server" } } satisfies Route)
    }
  }
  await RecordFile.write(done, {})
}

export const make = Effect.fn("LocalRouter.make")(function* ({ dataDir }: { readonly dataDir: string }) {
  const folder = join(dataDir, "routes")
  const fileOf = (host: string) => join(folder, `${host}${suffix}`)
  const isKept = (host: string) => host.length <= maxName && Hosts.isHostName(host)
  const read = async (host: string): Promise<Route | null> => {
    if (!isKept(host)) return null
    const route = await RecordFile.read(fileOf(host), decode)
    return route?.host === host ? route : null
  }
  const exclusively = FileLock.exclusively(dataDir, "routes")
  const alone = <A, E>(work: Effect.Effect<A, E>): Effect.Effect<A, E | RouterError> =>
    Effect.mapError(exclusively(work), (error) =>
      error instanceof LocalFailure ? Routes.error("route", error.reason, error.cause) : error
    )
  yield* failed("layer")(exclusively(attempt(() => adopt(dataDir, folder))))

  const all = Effect.gen(function* () {
    const hosts = (yield* attempt(() => namesIn(folder)))
      .filter((name) => name.endsWith(suffix))
      .map((name) => name.slice(0, -suffix.length))
      .filter(isKept)
    const found = yield* Damaged.each(
      hosts,
      (host) => ({
        projectId: null,
        part: `the route of host name ${host}`,
        repair: "Remove the file that the message names and run project.sync for the project of that name"
      }),
      async (host) => ({ host, route: await RecordFile.read(fileOf(host), decode) })
    )
    return found.flatMap(({ host, route }) => (route?.host === host ? [route] : []))
  })
  const router = Routes.make({
    find: (host) =>
      failed("observe")(
        Effect.map(
          attempt(() => read(host)),
          (route) => route ?? undefined
        )
      ),
    put: (route) => failed("route")(attempt(() => RecordFile.write(fileOf(route.host), route))),
    remove: (host) => failed("remove")(attempt(() => rm(fileOf(host), { force: true }))),
    list: failed("list")(all),
    refuse: (host) => (isKept(host) ? null : `${host} has more than ${maxName} characters`),
    alone
  })
  return Context.make(Router, router).pipe(Context.add(RouteTable, RouteTable.of({ find: read })))
})

export const layer = (options: { readonly dataDir: string }): Layer.Layer<Router | RouteTable, RouterError> =>
  Layer.effectContext(make(options))
