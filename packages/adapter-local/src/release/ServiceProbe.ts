/** Asks a service over its socket, and waits until it answers. */
import { Effect } from "effect"
import { request as httpRequest } from "node:http"
import { invalid, type LocalFailure } from "../LocalFailure.ts"
import type { Service } from "./ServiceRunner.ts"

/** Short at first: somebody may be waiting for a service that starts in a quarter of a second. */
const firstProbeMillis = 10
const maxProbeMillis = 100
const probeTimeoutMillis = 2_000

/** Status of a GET over the service's socket; null when nothing answers. */
export const probe = (connect: Service["connect"], path: string): Effect.Effect<number | null> =>
  Effect.callback<number | null>((resume) => {
    const request = httpRequest(
      { createConnection: connect, path, method: "GET", headers: { host: "localhost" } },
      (response) => {
        response.resume()
        resume(Effect.succeed(response.statusCode ?? null))
      }
    )
    request.setTimeout(probeTimeoutMillis, () => request.destroy())
    request.on("error", () => resume(Effect.succeed(null)))
    request.end()
    return Effect.sync(() => request.destroy())
  })

const shown = (lines: ReadonlyArray<string>) =>
  lines.length === 0 ? "it printed nothing" : `last output: ${lines.slice(-5).join(" | ")}`

/** Waits until the health path answers 2xx; fails when the service ends or the time is over, with its last lines. */
export const awaitHealthy = (
  service: Service,
  path: string,
  timeoutMillis: number
): Effect.Effect<void, LocalFailure> =>
  Effect.gen(function* () {
    let [status, pause]: [number | null, number] = [null, firstProbeMillis]
    const poll = Effect.gen(function* () {
      while (true) {
        status = yield* probe(service.connect, path)
        if (status !== null && status >= 200 && status < 300) return
        const { count, last } = service.ends()
        if (count > 0)
          return yield* invalid("start", `the service ${last} before it answered; ${shown(service.tail())}`)
        yield* Effect.sleep(pause)
        pause = Math.min(maxProbeMillis, pause * 1.2)
      }
    })
    yield* Effect.timeoutOrElse(poll, {
      duration: timeoutMillis,
      orElse: () =>
        Effect.fail(
          invalid(
            "health",
            `GET ${path} ${status === null ? "was not answered" : `answered ${status}`} within ${timeoutMillis} ms; ${shown(service.tail())}`
          )
        )
    })
  })
