// Dispatches requests to routes and answers JSON. A route is { method, path, summary, handle }; handle gets { url, query, routes }
// and returns { status, body }. Every error is a JSON body that says what was wrong.
import { createServer } from "node:http"

const send = (response, { status, body }, headers = {}) => {
  const text = `${JSON.stringify(body)}\n`
  response.writeHead(status, {
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(text),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...headers
  })
  response.end(response.req.method === "HEAD" ? undefined : text)
}

export const dispatch = (routes, request) => {
  const method = request.method === "HEAD" ? "GET" : request.method
  const base = "http://service"
  if (!URL.canParse(request.url, base)) return { status: 400, body: { error: "the request target is not a URL" } }
  const url = new URL(request.url, base)
  const here = routes.filter((route) => route.path === url.pathname)
  const route = here.find((candidate) => candidate.method === method)
  if (route !== undefined) return route.handle({ url, query: url.searchParams, routes })
  if (here.length === 0) return { status: 404, body: { error: `no route ${url.pathname}; GET / lists the routes` } }
  const allow = here.map((candidate) => candidate.method).join(", ")
  return { status: 405, body: { error: `${url.pathname} allows ${allow}` }, headers: { allow } }
}

export const createApp = (routes) =>
  createServer((request, response) => {
    try {
      const answer = dispatch(routes, request)
      send(response, answer, answer.headers)
    } catch (error) {
      console.error(error)
      send(response, { status: 500, body: { error: "internal error" } })
    }
  })
