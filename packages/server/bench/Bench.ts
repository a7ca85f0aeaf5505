/** What the server's measurements share: the server process, requests, and quantiles. */
import { fork } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import type { Flood, Told } from "./BenchServer.ts"

export interface Served {
  readonly url: string
  readonly port: number
  readonly key: string
  readonly pid: number
  readonly flood: (flood: Flood["flood"]) => Promise<void>
  readonly usage: () => Promise<{ readonly cpuMillis: number; readonly rssBytes: number }>
  readonly call: (
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>
  ) => Promise<Record<string, unknown>>
  readonly stop: () => void
}

export const serve = async (): Promise<Served> => {
  const child = fork(fileURLToPath(new URL("./BenchServer.ts", import.meta.url)), [], {
    execArgv: ["--conditions=@rdev/source"],
    stdio: ["ignore", "inherit", "inherit", "ipc"]
  })
  const next = async <K extends string>(key: K) => {
    while (true) {
      const [message] = (await once(child, "message")) as [Told]
      if (key in message) return (message as Record<K, unknown>)[key]
    }
  }
  const { key, port, url } = (await next("ready")) as {
    readonly url: string
    readonly port: number
    readonly key: string
  }
  return {
    url,
    port,
    key,
    pid: child.pid ?? 0,
    flood: async (flood) => {
      const done = next("flooded")
      child.send({ flood })
      await done
    },
    usage: async () => {
      const answer = next("usage")
      child.send("usage")
      return (await answer) as { readonly cpuMillis: number; readonly rssBytes: number }
    },
    call: async (method, path, body, headers = {}) => {
      const response = await fetch(url + path, {
        method,
        headers: {
          authorization: `Bearer ${key}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) })
      })
      const text = await response.text()
      if (!response.ok) throw new Error(`${method} ${path}: ${text}`)
      return text === "" ? {} : (JSON.parse(text) as Record<string, unknown>)
    },
    stop: () => child.send("stop")
  }
}

export const quantile = (sorted: ReadonlyArray<number> | Float64Array, q: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN
export const rest = (millis: number) => new Promise<void>((resolve) => setTimeout(resolve, millis))
