/**
 * A provider in a process of its own right: things with owners behind HTTP, with latency, refusals and a log of what it did. Callers may
 * die at any moment; what they asked for happens all the same.
 */
import { createServer, type Server } from "node:http"

export interface Entry {
  readonly verb: "ensure" | "remove"
  readonly kind: string
  readonly name: string
  readonly changed: boolean
  readonly atMillis: number
}

const pause = (millis: number) => new Promise<void>((resolve) => setTimeout(resolve, millis))

export class Provider {
  readonly things = new Map<string, string>()
  readonly log: Array<Entry> = []
  /** `kind/name` → how long its creation takes. */
  readonly slow = new Map<string, number>()
  /** `kind/name` that are refused for good. */
  readonly refused = new Set<string>()
  /** Calls that arrived, also those not answered yet. */
  readonly arrived: Array<string> = []
  readonly #server: Server
  url = ""

  constructor() {
    this.#server = createServer((request, response) => {
      const url = new URL(request.url ?? "/", "http://provider")
      const [, verb = "", kind = "", name = ""] = url.pathname.split("/")
      this.#answer(verb, kind, name, url.searchParams.get("owner") ?? "").then(
        ({ body, status }) => {
          response.writeHead(status, { "content-type": "application/json" })
          response.end(JSON.stringify(body))
        },
        (error: unknown) => {
          response.writeHead(500)
          response.end(String(error))
        }
      )
    })
  }

  async #answer(
    verb: string,
    kind: string,
    name: string,
    owner: string
  ): Promise<{ readonly status: number; readonly body: unknown }> {
    const key = `${kind}/${name}`
    this.arrived.push(`${verb} ${key}`)
    if (verb === "observe") return { status: 200, body: { owner: this.things.get(key) ?? null } }
    await pause(this.slow.get(key) ?? 2 + Math.random() * 20)
    if (this.refused.has(key) && verb === "ensure") return { status: 422, body: { message: `${key} is refused` } }
    const before = this.things.get(key)
    if (before !== undefined && before !== owner)
      return { status: 409, body: { message: `${key} belongs to ${before}` } }
    const changed = verb === "ensure" ? before === undefined : before !== undefined
    if (verb === "ensure") this.things.set(key, owner)
    else this.things.delete(key)
    this.log.push({ verb: verb === "ensure" ? "ensure" : "remove", kind, name, changed, atMillis: Date.now() })
    // The answer takes its time too: callers die between an effect and its answer.
    await pause(Math.random() * 10)
    return { status: 200, body: { created: changed } }
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve))
    const address = this.#server.address()
    this.url = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`
  }
  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }
  creations(kind: string, name: string): number {
    return this.log.filter((one) => one.verb === "ensure" && one.changed && one.kind === kind && one.name === name)
      .length
  }
  calls(verb: string, kind: string, name: string): number {
    return this.arrived.filter((one) => one === `${verb} ${kind}/${name}`).length
  }
}
