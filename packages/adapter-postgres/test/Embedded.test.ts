import { afterAll, assert, describe, it } from "@effect/vitest"
import { AuditEntry } from "@rdev/core/domain/Audit"
import * as AuditChain from "@rdev/core/audit/AuditChain"
import { ofProject } from "@rdev/core/domain/Event"
import * as NewId from "@rdev/core/ids/NewId"
import { AuditStore } from "@rdev/core/ports/stores/AuditStore"
import { EventLog } from "@rdev/core/ports/stores/EventLog"
import type { StoreError } from "@rdev/core/ports/stores/StoreError"
import { Effect, Layer, Schema } from "effect"
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { Database, layerEmbedded } from "../src/engine/Database.ts"
import * as Stores from "../src/stores/Stores.ts"

const root = fs.mkdtempSync(path.join(os.tmpdir(), "rdev-embedded-"))
afterAll(() => fs.rmSync(root, { recursive: true, force: true }))
let folders = 0
const freshFolder = () => path.join(root, `data-${++folders}`)

const inFolder = <A, E>(dataDir: string, effect: Effect.Effect<A, E, Database>) =>
  Effect.provide(effect, layerEmbedded({ dataDir }))
const inStores = <A, E>(dataDir: string, effect: Effect.Effect<A, E, EventLog | AuditStore>) =>
  Effect.provide(effect, Layer.provide(Stores.layer, layerEmbedded({ dataDir })))
const opened = Effect.asVoid(Effect.service(Database))
const refusal = (dataDir: string) => Effect.flip(inFolder(dataDir, opened))
const text = (error: StoreError) => `${error.reason._tag}: ${error.message}`

/** A process that writes to the folder; `until` resolves when it has acknowledged that many writes. */
const writer = (dataDir: string, projectId: string) => {
  const child = spawn(
    process.execPath,
    [
      "--conditions=@rdev/source",
      fileURLToPath(new URL("./children/appendForever.ts", import.meta.url)),
      dataDir,
      projectId
    ],
    { stdio: ["ignore", "pipe", "inherit"] }
  )
  const state = { acknowledged: 0 }
  const waiting: Array<{ readonly n: number; readonly resolve: () => void }> = []
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (line !== "ready") state.acknowledged = Number(line)
    for (const w of waiting) if (state.acknowledged >= w.n) w.resolve()
  })
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()))
  return {
    pid: child.pid ?? 0,
    state,
    until: (n: number) =>
      Effect.promise(() =>
        Promise.race([
          new Promise<void>((resolve) => {
            waiting.push({ n, resolve })
          }),
          ended.then(() => {
            throw new Error("the writer ended by itself")
          })
        ])
      ),
    kill: Effect.promise(() => {
      child.kill("SIGKILL")
      return ended
    })
  }
}

describe("data folder", () => {
  it.live("keeps what was written and is private", () =>
    Effect.gen(function* () {
      const dataDir = freshFolder()
      yield* inFolder(
        dataDir,
        Effect.flatMap(Database, (db) =>
          db.query("INSERT INTO rdev.project (id, name, status, revision, data) VALUES ('p', 'n', 'ready', 1, '{}')")
        )
      )
      const rows = yield* inFolder(
        dataDir,
        Effect.flatMap(Database, (db) => db.query("SELECT id FROM rdev.project"))
      )
      assert.deepStrictEqual(
        rows.map((row) => ({ ...row })),
        [{ id: "p" }]
      )
      assert.strictEqual(fs.statSync(path.join(dataDir, "database")).mode & 0o077, 0)
    })
  )

  it.live("is refused to a second opener of the same process, and free again afterwards", () =>
    Effect.gen(function* () {
      const dataDir = freshFolder()
      const error = yield* inFolder(dataDir, refusal(dataDir))
      assert.strictEqual(error.reason._tag, "Locked")
      assert.include(error.message, String(process.pid))
      assert.include(error.message, dataDir)
      assert.include(error.message, "is in use by process")
      yield* inFolder(dataDir, opened)
    })
  )

  it.live(
    "is refused while another process holds it; survives that process being killed in the middle of writing",
    () =>
      Effect.gen(function* () {
        const dataDir = freshFolder()
        const projectId = yield* NewId.make("proj")
        for (let round = 1, acknowledged = 0; round <= 4; round++) {
          const child = writer(dataDir, projectId)
          yield* child.until(acknowledged + 20 + round * 13)
          const error = yield* refusal(dataDir)
          assert.strictEqual(error.reason._tag, "Locked")
          assert.include(error.message, `process ${child.pid}`)
          yield* child.kill
          acknowledged = child.state.acknowledged
          yield* inStores(
            dataDir,
            Effect.gen(function* () {
              const log = yield* EventLog
              const seqs: Array<number> = []
              for (let cursor = 0, hasMore = true; hasMore;) {
                const page = yield* log.read(ofProject(projectId), cursor, 1000)
                seqs.push(...page.events.map((event) => event.seq))
                ;({ cursor, hasMore } = page)
              }
              assert.isAtLeast(seqs.length, acknowledged, "everything acknowledged is there")
              assert.deepStrictEqual(
                seqs,
                seqs.map((_, i) => i + 1),
                "without gaps"
              )
              const entries = (yield* (yield* AuditStore).list(null, { before: null, limit: 100_000 })).toReversed()
              assert.strictEqual(entries.length, seqs.length, "a transaction is there whole or not at all")
              assert.isNull(AuditChain.verify(entries.map((entry) => Schema.encodeSync(AuditEntry)(entry))))
              acknowledged = seqs.length
            })
          )
        }
      })
  )

  it.live("made by a newer version is refused and left as it is", () =>
    Effect.gen(function* () {
      const dataDir = freshFolder()
      yield* inFolder(
        dataDir,
        Effect.flatMap(Database, (db) =>
          db.query("INSERT INTO rdev.migration VALUES ('9999_from_the_future', 'x', 1, 1)")
        )
      )
      const error = yield* refusal(dataDir)
      assert.match(text(error), /^Corrupt: .*newer version of rdev.*9999_from_the_future/)
      fs.writeFileSync(path.join(dataDir, "database", "PG_VERSION"), "19\n")
      assert.match(text(yield* refusal(dataDir)), /^Corrupt: .*written by PostgreSQL 19.*start the newer version/)
    })
  )

  it.live("with a migration changed by hand is refused", () =>
    Effect.gen(function* () {
      const dataDir = freshFolder()
      yield* inFolder(
        dataDir,
        Effect.flatMap(Database, (db) =>
          db.query("UPDATE rdev.migration SET checksum = 'y' WHERE name = '0001_project'")
        )
      )
      assert.match(text(yield* refusal(dataDir)), /^Corrupt: .*migration 0001_project was applied with other contents/)
    })
  )

  it.live("that is damaged is refused with a way out", () =>
    Effect.gen(function* () {
      const damage: ReadonlyArray<readonly [string, (database: string) => void]> = [
        [
          "emptied",
          (database) => {
            fs.rmSync(database, { recursive: true })
            fs.mkdirSync(database)
          }
        ],
        ["no control file", (database) => fs.rmSync(path.join(database, "global", "pg_control"))],
        [
          "garbage in the control file",
          (database) => fs.writeFileSync(path.join(database, "global", "pg_control"), Buffer.alloc(8192, 0xab))
        ],
        [
          "log removed",
          (database) => {
            for (const file of fs.readdirSync(path.join(database, "pg_wal")))
              fs.rmSync(path.join(database, "pg_wal", file), { recursive: true })
          }
        ],
        ["tables removed", (database) => fs.rmSync(path.join(database, "base"), { recursive: true })]
      ]
      for (const [name, apply] of damage) {
        const dataDir = freshFolder()
        yield* inFolder(dataDir, opened)
        apply(path.join(dataDir, "database"))
        const error = yield* refusal(dataDir)
        assert.strictEqual(error.reason._tag, "Corrupt", name)
        assert.include(error.message, path.join(dataDir, "database"), name)
        assert.match(error.message, /backup|move it away/, name)
      }
    })
  )

  it.live("whose first start was cut short begins again", () =>
    Effect.gen(function* () {
      const dataDir = freshFolder()
      fs.mkdirSync(path.join(dataDir, "database.new", "base"), { recursive: true })
      fs.writeFileSync(path.join(dataDir, "database.new", "PG_VERSION"), "1")
      yield* inFolder(dataDir, opened)
      assert.isFalse(fs.existsSync(path.join(dataDir, "database.new")))
    })
  )

  it.live("that is a file, or cannot be written, is refused", () =>
    Effect.gen(function* () {
      const file = freshFolder()
      fs.writeFileSync(file, "")
      assert.match(text(yield* refusal(file)), /^Invalid: dataDir: .*it is a file/)
      assert.match(text(yield* refusal(path.join(file, "below"))), /^Invalid: dataDir: /)
    })
  )
})
