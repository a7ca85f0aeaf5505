/** Every route of the contract, asked without a key, with keys that are none, and with keys that may not. */
import type { Attack, Kind, ProjectRef } from "../Attack.ts"

interface Route {
  readonly method: string
  readonly path: string
  readonly scope: string
}
interface Described {
  readonly "x-required-scope": string
}

const routesOf = (document: Record<string, unknown>): ReadonlyArray<Route> =>
  Object.entries(document["paths"] as Record<string, Record<string, Described>>)
    .flatMap(([path, methods]) =>
      Object.entries(methods)
        .filter(([method]) => ["get", "post", "put", "patch", "delete"].includes(method))
        .map(([method, described]) => ({
          method: method.toUpperCase(),
          path,
          scope: described["x-required-scope"]
        }))
    )
    .filter(({ scope }) => scope !== "public")

/** The ids are of the right form and exist nowhere, but for the project. */
const samples: Readonly<Record<string, string>> = {
  feature: "some-feature",
  task: "task_01J00000000000000000000000",
  operation: "op_01J00000000000000000000000",
  exec: "exec_01J00000000000000000000000",
  key: "key_01J00000000000000000000000",
  webhook: "whk_01J00000000000000000000000",
  delivery: "task_01J00000000000000000000000",
  tree: "landing-page"
}
const pathOf = (route: Route, project: string) =>
  route.path.replace(/\{(\w+)\}/g, (_, name: string) => (name === "project" ? project : (samples[name] ?? "x")))
const bodyOf = (route: Route) => (["POST", "PUT", "PATCH"].includes(route.method) ? { body: {} } : {})

const strangers: ReadonlyArray<readonly [string, string | null]> = [
  ["no key", null],
  ["an empty key", ""],
  ["a key of another installation", "rdev_local_000000000000000000000000000000AAAAAA"],
  ["an admin's name", "admin"],
  ["a delegation that nobody made", `rdev.key_01J00000000000000000000000.${Date.now() + 30_000}.${"0".repeat(64)}`]
]

const tryStrangers = async (attack: Attack, routes: ReadonlyArray<Route>, project: ProjectRef) => {
  for (const route of routes) {
    for (const [who, key] of strangers) {
      const answer = await attack.api(route.method, pathOf(route, project.name), { key, ...bodyOf(route) })
      attack.held(`${route.method} ${route.path} with ${who}`, answer.status === 401, `answered ${answer.status}`)
    }
  }
}

/** A key of another project: what it may not see does not exist for it. */
const tryNeighbours = async (
  attack: Attack,
  routes: ReadonlyArray<Route>,
  project: ProjectRef,
  neighbour: ProjectRef
) => {
  const { key } = await attack.newKey({ scopes: ["admin"], projects: [neighbour.name] })
  for (const route of routes.filter(({ path }) => path.includes("{project}"))) {
    for (const name of [project.name, project.id]) {
      const answer = await attack.api(route.method, pathOf(route, name), { key, ...bodyOf(route) })
      attack.held(
        `${route.method} ${route.path} of ${name} by a neighbour`,
        answer.status === 404 || answer.status === 403,
        `answered ${answer.status}: ${answer.text}`
      )
    }
  }
  for (const list of ["/projects", "/tasks", "/operations"]) {
    const answer = await attack.api("GET", list, { key })
    attack.held(`${list} shows a neighbour nothing of others`, !answer.text.includes(project.id), answer.text)
  }
}

const tryScopes = async (attack: Attack, routes: ReadonlyArray<Route>, project: ProjectRef) => {
  const scopes = [...new Set(routes.map(({ scope }) => scope))].filter((scope) => scope !== "admin")
  for (const scope of scopes) {
    const { key } = await attack.newKey({ scopes: [scope] })
    for (const route of routes.filter((one) => one.scope !== scope)) {
      const answer = await attack.api(route.method, pathOf(route, project.name), { key, ...bodyOf(route) })
      attack.held(
        `${route.method} ${route.path} with ${scope} alone`,
        answer.status === 403,
        `answered ${answer.status}`
      )
    }
  }
}

export const kind: Kind = {
  name: "authorization",
  promise: "No route answers a caller who has no key, no scope, or no right to the project",
  run: async (attack) => {
    const routes = routesOf(await attack.must("GET", "/openapi.json"))
    const [project, neighbour] = [await attack.project(), await attack.project()]
    await tryStrangers(attack, routes, project)
    await tryNeighbours(attack, routes, project, neighbour)
    await tryScopes(attack, routes, project)
  }
}
