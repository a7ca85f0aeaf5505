/** Requests with an Idempotency-Key, the server killed while it works on them, and sent again to the one that follows. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as ServerProcess from "./ServerProcess.ts"

const ask = { text: 'name: ask\nsteps: [{ id: q, action: ask, question: "go on?" }]' }
interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

describe("a server that is killed over requests with keys", () => {
  it.live(
    "has started exactly one operation and made exactly one project per key in the end",
    () =>
      Effect.gen(function* () {
        const folder = yield* ServerProcess.dataFolder
        let server = yield* ServerProcess.start(folder, { RDEV_UNSAFE_HOST: "true" })
        const auth = {
          authorization: `Bearer ${readFileSync(join(folder, "admin.key"), "utf8").trim()}`,
          "content-type": "application/json"
        }
        /** Null: no answer came. */
        const send = async (path: string, key: string, body: unknown): Promise<Answer | null> => {
          try {
            const response = await fetch(`${server.url}${path}`, {
              method: "POST",
              headers: { ...auth, "idempotency-key": key },
              body: JSON.stringify(body)
            })
            return { status: response.status, body: (await response.json()) as Answer["body"] }
          } catch {
            // The server died over it, which is what this is about.
            return null
          }
        }
        const wanted = (round: number): ReadonlyArray<readonly [path: string, key: string, body: unknown]> => [
          ...Array.from({ length: 12 }, (_, i) => ["/trees/runs", `${round}-tree-${i}`, ask] as const),
          ...Array.from(
            { length: 2 },
            (_, i) => ["/projects", `${round}-project-${i}`, { name: `kill-${round}-${i}` }] as const
          )
        ]
        const ids = new Map<string, string>()
        // After the first answer; RDEV_CHAOS=full kills more often, and at once too.
        for (const round of process.env["RDEV_CHAOS"] === "full" ? [1, 0, 2, 5, 9] : [1]) {
          const sent = wanted(round).map((one) => send(...one))
          if (round > 0) yield* Effect.promise(() => Promise.race(sent.slice(round)))
          yield* Effect.promise(() => server.kill())
          const first = yield* Effect.promise(() => Promise.all(sent))
          server = yield* ServerProcess.start(folder, { RDEV_UNSAFE_HOST: "true" })
          for (const [i, one] of wanted(round).entries()) {
            const again = yield* Effect.promise(() => send(...one))
            assert.strictEqual(again?.status, 202, JSON.stringify(again?.body))
            const id = String(again?.body["operation_id"])
            if (first[i]?.status === 202) assert.strictEqual(first[i]?.body["operation_id"], id)
            ids.set(one[1], id)
          }
        }
        const found = (path: string, list: string) =>
          Effect.map(
            ServerProcess.ask(folder, server, "GET", path),
            ({ body }) => body[list] as unknown as ReadonlyArray<{ id: string; name: string }>
          )
        const started = [
          ...(yield* found("/operations?limit=100&kind=tree.run", "operations")),
          ...(yield* found("/operations?limit=100&kind=project.provision", "operations"))
        ]
        assert.deepStrictEqual(started.map(({ id }) => id).sort(), [...ids.values()].sort())
        assert.lengthOf(
          yield* found("/projects?limit=100", "projects"),
          [...ids.keys()].filter((key) => key.includes("project")).length
        )
      }).pipe(Effect.scoped),
    240_000
  )
})
