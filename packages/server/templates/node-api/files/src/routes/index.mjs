import { service } from "../service.mjs"

export default {
  method: "GET",
  path: "/",
  summary: "What the service is and the routes it has.",
  handle: ({ routes }) => ({
    status: 200,
    body: { ...service, routes: routes.map(({ method, path, summary }) => ({ method, path, summary })) }
  })
}
