/**
 * Real processes killed, stopped and cut off while they run operations on real databases. Bounded by default; RDEV_CHAOS=full (npm run
 * chaos) runs the whole of it. Counts are printed.
 */
import { assert } from "@effect/vitest"
import { layerPostgres, layerUnitOfWork } from "@rdev/adapter-postgres/engine/Database"
import * as PgAuditStore from "@rdev/adapter-postgres/stores/PgAuditStore"
import * as PgEventLog from "@rdev/adapter-postgres/stores/PgEventLog"
import * as PgNotifier from "@rdev/adapter-postgres/stores/PgNotifier"
import * as PgOperationStore from "@rdev/adapter-postgres/stores/PgOperationStore"
import * as TestPostgres from "@rdev/adapter-postgres/testing/TestPostgres"
import type { OperationId } from "@rdev/core/domain/Ids"
import { type Operation, terminal } from "@rdev/core/domain/Operation"
import * as Definition from "@rdev/core/operations/Definition"
import { Operations } from "@rdev/core/operations/Operations"
import * as OperationsModule from "@rdev/core/operations/Operations"
import { Effect, Exit, Layer, ManagedRuntime, Scope } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "vitest"
import * as ChaosOperation from "./ChaosOperation.ts"
import * as Cut from "./Cut.ts"
import { Provider } from "./Provider.ts"
import * as Replicas from "./Replicas.ts"

const full = process.env["RDEV_CHAOS"] === "full"
const kills = full ? 200 : 5
const cutMillis = full ? 30_000 : 3_000

/** The time it may take, on a machine that has nothing else to do; bounded runs share theirs. */
const within = (millis: number) => (full ? millis : 60_000)

const scope = Scope.makeUnsafe()
let server: TestPostgres.TestServer
let provider: Provider
let url = ""

const connect = (to: string) =>
  ManagedRuntime.make(
    OperationsModule.layer.pipe(
      Layer.provide(Definition.layer([ChaosOperation.definition("http://127.0.0.1:9")])),
      Layer.provideMerge(
        Layer.mergeAll(layerUnitOfWork, PgAuditStore.layer, PgEventLog.layer, PgNotifier.layer, PgOperationStore.layer)
      ),
      Layer.provide(layerPostgres({ url: to, maxConnections: 3 }))
    )
  )
let client: ReturnType<typeof connect>
const start = (name: string): Promise<Operation> =>
  client.runPromise(
    Effect.flatMap(Operations, (operations) =>
      operations.start({ kind: ChaosOperation.kind, projectId: null, input: { name }, idempotencyKey: name })
    )
  )
const get = (id: OperationId): Promise<Operation> =>
  client.runPromise(Effect.flatMap(Operations, (operations) => operations.get(id)))
const steps = (id: OperationId) => client.runPromise(Effect.flatMap(Operations, (operations) => operations.steps(id)))
const ended = (id: OperationId, deadlineMillis?: number) =>
  Replicas.eventually(
    `the end of ${id}`,
    async () => {
      const operation = await get(id)
      return terminal.has(operation.status) ? operation : undefined
    },
    deadlineMillis
  )

/** Everything of a completed one is there once, nothing of an undone one. */
const reconcile = (name: string, status: string) => {
  const there = ChaosOperation.kinds.filter((kind) => provider.things.has(`${kind}/${name}`))
  if (status === "completed") assert.deepStrictEqual(there, [...ChaosOperation.kinds], `${name} lacks something`)
  else assert.deepStrictEqual(there, [], `${name} left something`)
  const doubles = ChaosOperation.kinds.filter((kind) => provider.creations(kind, name) > 1)
  assert.deepStrictEqual(doubles, [], `${name} was made twice`)
}

beforeAll(async () => {
  server = await Effect.runPromise(Effect.provideService(TestPostgres.make({ durable: true }), Scope.Scope, scope))
})
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))
beforeEach(async () => {
  provider = new Provider()
  await provider.start()
  url = await Effect.runPromise(server.createDatabase)
  client = connect(url)
})
afterEach(async () => {
  await Replicas.killAll()
  await client.dispose()
  await provider.stop()
})

describe("chaos on PostgreSQL", () => {
  it(
    `crash-loop: ${kills} kills, every operation ends, no orphans, no doubles`,
    async () => {
      const replica = () => Replicas.start({ provider: provider.url, where: url })
      const live = [replica(), replica(), replica()]
      await Promise.all(live.map((one) => one.ready))
      const all: Array<{ readonly name: string; readonly id: OperationId }> = []
      const open = new Set<OperationId>()
      const feed = async () => {
        for (const id of open) if (terminal.has((await get(id)).status)) open.delete(id)
        while (open.size < 12) {
          const name = `c-${all.length}`
          if (all.length % 4 === 3) provider.refused.add(`deployment/${name}`)
          const { id } = await start(name)
          all.push({ name, id })
          open.add(id)
        }
      }
      for (let i = 0; i < kills; i++) {
        await feed()
        const calls = provider.arrived.length
        const patience = Date.now() + 3_000
        // Killed while it works, not while all of them wait for each other's leases.
        await Replicas.eventually("work", () =>
          provider.arrived.length > calls + Math.random() * 15 || Date.now() > patience ? true : undefined
        )
        const victim = Math.floor(Math.random() * live.length)
        live[victim]?.signal("SIGKILL")
        live[victim] = replica()
      }
      const statuses = new Map<string, number>()
      for (const { id, name } of all) {
        const operation = await ended(id, 180_000)
        statuses.set(operation.status, (statuses.get(operation.status) ?? 0) + 1)
        reconcile(name, operation.status)
      }
      const taken = (await Promise.all(all.map(({ id }) => get(id)))).filter(
        (operation) => operation.leaseEpoch > 1
      ).length
      console.log(
        `crash-loop: ${kills} kills, ${all.length} operations (${[...statuses].map(([status, n]) => `${n} ${status}`).join(", ")}), ${taken} taken over, ${provider.log.length} changes, 0 orphans, 0 doubles`
      )
      assert.strictEqual((statuses.get("completed") ?? 0) + (statuses.get("failed") ?? 0), all.length)
    },
    full ? 1_800_000 : 240_000
  )

  it("takeover: another replica goes on after a kill", async () => {
    provider.slow.set("database/t", 60_000)
    const first = Replicas.start({ provider: provider.url, where: url })
    await first.ready
    const { id } = await start("t")
    await Replicas.eventually("the slow call", () => (provider.calls("ensure", "database", "t") > 0 ? true : undefined))
    const others = [
      Replicas.start({ provider: provider.url, where: url }),
      Replicas.start({ provider: provider.url, where: url })
    ]
    await Promise.all(others.map((one) => one.ready))
    provider.slow.delete("database/t")
    first.signal("SIGKILL")
    const killedAt = Date.now()
    await Replicas.eventually(
      "the takeover",
      async () => ((await get(id)).leaseEpoch > 1 ? true : undefined),
      within(10_000)
    )
    const took = Date.now() - killedAt
    const operation = await ended(id)
    console.log(`takeover: ${took} ms after the kill, with 3 replicas`)
    reconcile("t", operation.status)
  }, 120_000)

  it("zombie: a replica stopped past its lease writes nothing when it wakes", async () => {
    provider.slow.set("cache/z", 1_500)
    const first = Replicas.start({ provider: provider.url, where: url })
    await first.ready
    const { id } = await start("z")
    await Replicas.eventually("the slow call", () => (provider.calls("ensure", "cache", "z") > 0 ? true : undefined))
    first.signal("SIGSTOP")
    const second = Replicas.start({ provider: provider.url, where: url })
    await second.ready
    const operation = await ended(id)
    const before = await steps(id)
    first.signal("SIGCONT")
    // It notices by itself, and takes up new work again.
    await Replicas.eventually("the zombie's notice", () =>
      first.lines.some((line) => line.includes("somebody else runs it now") || line.includes("the lease lapsed"))
        ? true
        : undefined
    )
    second.signal("SIGKILL")
    const next = await start("z2")
    await ended(next.id)
    assert.deepStrictEqual(await steps(id), before)
    assert.deepStrictEqual(await get(id), operation)
    reconcile("z", operation.status)
    console.log("zombie: 0 stale writes")
  }, 120_000)

  it("pg-restart: the surviving replica records the outcome, the step is not run again", async () => {
    provider.slow.set("database/r", 4_000)
    const replica = Replicas.start({ provider: provider.url, where: url, leaseMillis: 30_000 })
    await replica.ready
    const { id } = await start("r")
    await Replicas.eventually("the slow call", () => (provider.calls("ensure", "database", "r") > 0 ? true : undefined))
    await Effect.runPromise(server.stop("immediate"))
    await Effect.runPromise(server.start)
    const operation = await Replicas.eventually("the end", async () => {
      const now = await get(id).catch(() => undefined)
      return now !== undefined && terminal.has(now.status) ? now : undefined
    })
    assert.deepStrictEqual([operation.status, operation.leaseEpoch], ["completed", 1])
    assert.strictEqual(provider.calls("ensure", "database", "r"), 1)
    reconcile("r", operation.status)
    console.log("pg-restart: the step ran once, its outcome was recorded by the replica that ran it")
  }, 120_000)

  it("pg-blackhole: work goes on soon after the network is back", async () => {
    const cut = await Cut.relay(server.host, server.port)
    const through = new URL(url)
    through.port = String(cut.port)
    provider.slow.set("database/b", 2_000)
    const replica = Replicas.start({ provider: provider.url, where: through.toString() })
    await replica.ready
    const { id } = await start("b")
    await Replicas.eventually("the slow call", () => (provider.calls("ensure", "database", "b") > 0 ? true : undefined))
    cut.cut()
    const second = await start("b2")
    await new Promise((resolve) => setTimeout(resolve, cutMillis))
    cut.heal()
    const healedAt = Date.now()
    await Replicas.eventually(
      "the first claim",
      async () => ((await get(second.id)).leaseEpoch > 0 ? true : undefined),
      within(10_000)
    )
    const back = Date.now() - healedAt
    for (const [name, one] of [
      ["b", id],
      ["b2", second.id]
    ] as const)
      reconcile(name, (await ended(one)).status)
    console.log(`pg-blackhole: cut for ${cutMillis} ms, working ${back} ms after`)
    replica.signal("SIGKILL")
    await cut.stop()
  }, 180_000)
})

describe("chaos on the embedded engine", () => {
  it(
    "crash-loop: one server on one folder, killed again and again",
    async () => {
      const dataDir = mkdtempSync(join(tmpdir(), "rdev-chaos-"))
      const count = 12
      const rounds = full ? 40 : 3
      for (let i = 0; i < count; i++) {
        if (i % 4 === 3) provider.refused.add(`deployment/e-${i}`)
        provider.slow.set(`database/e-${i}`, 200 * i)
      }
      const replica = () => Replicas.start({ provider: provider.url, where: `embedded:${dataDir}`, count })
      let resumed = 0
      for (let i = 0; i < rounds; i++) {
        const one = replica()
        await one.ready
        const readyAt = Date.now()
        const calls = provider.arrived.length
        await Replicas.eventually(
          "work",
          () =>
            provider.arrived.length > calls || one.lines.filter((line) => line.startsWith("ended")).length === count
              ? true
              : undefined,
          within(5_000)
        )
        resumed = Math.max(resumed, Date.now() - readyAt)
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 400))
        one.signal("SIGKILL")
        await one.ended
      }
      const last = replica()
      const lines = await Replicas.eventually(
        "the end of all",
        () => {
          const found = last.lines.filter((line) => line.startsWith("ended"))
          return found.length === count ? found : undefined
        },
        120_000
      )
      for (const line of lines) {
        const [, name = "", status = ""] = line.split(" ")
        assert.include(["completed", "failed"], status)
        reconcile(name, status)
      }
      last.signal("SIGKILL")
      await last.ended
      rmSync(dataDir, { recursive: true, force: true })
      console.log(
        `embedded crash-loop: ${rounds} kills, ${count} operations, work resumed at most ${resumed} ms after the start, 0 orphans, 0 doubles`
      )
    },
    full ? 900_000 : 180_000
  )
})
