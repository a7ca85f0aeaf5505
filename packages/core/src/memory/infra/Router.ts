/** Routes in a map. Nothing is sent anywhere. */
import { Effect, Layer } from "effect"
import { type Route, Router } from "../../ports/infra/Router.ts"
import * as Routes from "../../ports/infra/Routes.ts"

const make = Effect.sync(() => {
  const routes = new Map<string, Route>()
  return Routes.make({
    find: (host) => Effect.sync(() => routes.get(host)),
    put: (route) => Effect.sync(() => void routes.set(route.host, route)),
    remove: (host) => Effect.sync(() => void routes.delete(host)),
    list: Effect.sync(() => [...routes.values()])
  })
})

export const layer: Layer.Layer<Router> = Layer.suspend(() => Layer.effect(Router, make))
