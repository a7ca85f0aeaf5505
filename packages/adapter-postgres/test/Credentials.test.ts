import { afterAll, assert, describe, it, layer } from "@effect/vitest"
import * as NewId from "@rdev/core/ids/NewId"
import type { EnvironmentStore } from "@rdev/core/ports/stores/EnvironmentStore"
import { CredentialStore } from "@rdev/core/ports/stores/CredentialStore"
import * as Quarantine from "@rdev/core/ports/stores/Quarantine"
import * as Variables from "@rdev/core/services/projects/Variables"
import { layer as layerRedaction, Redaction } from "@rdev/core/services/redaction/Redaction"
import { Effect, Fiber, Layer, Option, Redacted } from "effect"
import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { Database, layerEmbedded } from "../src/engine/Database.ts"
import * as Envelope from "../src/secrets/Envelope.ts"
import * as Keyring from "../src/secrets/Keyring.ts"
import * as PgEnvironmentStore from "../src/stores/PgEnvironmentStore.ts"
import * as PgCredentialStore from "../src/secrets/PgCredentialStore.ts"

const key = () => randomBytes(32).toString("base64")
const ring = (...keys: readonly [string, ...ReadonlyArray<string>]) =>
  Layer.effect(Keyring.Keyring, Keyring.make("RDEV_KEK", keys))
const using = <A, E>(
  keys: readonly [string, ...ReadonlyArray<string>],
  effect: Effect.Effect<A, E, CredentialStore | EnvironmentStore | Keyring.Keyring | Database>
) =>
  Effect.provide(
    effect,
    Layer.provideMerge(Layer.merge(PgCredentialStore.layer, PgEnvironmentStore.layer), ring(...keys))
  )

describe("Envelope", () => {
  const kek: Envelope.Kek = { id: "k1", key: randomBytes(32) }
  const place: Envelope.Place = { project: "p1", record: "DATABASE_URL", field: "value" }
  it("opens what it sealed, there and only there, whole and only whole", () => {
    const sealed = Envelope.seal(kek, place, "s3cret ü")
    assert.strictEqual(Envelope.open(kek, place, sealed), "s3cret ü")
    assert.isFalse(Buffer.concat([sealed.ciphertext, sealed.wrappedKey]).includes("s3cret"))
    for (const elsewhere of [
      { ...place, project: "p2" },
      { ...place, record: "OTHER" },
      { ...place, field: "name" }
    ])
      assert.throws(() => Envelope.open(kek, elsewhere, sealed))
    assert.throws(() => Envelope.open({ ...kek, id: "k2" }, place, sealed))
    assert.throws(() => Envelope.open({ ...kek, key: randomBytes(32) }, place, sealed))
    for (const part of ["ciphertext", "wrappedKey"] as const) {
      for (let i = 0; i < sealed[part].length; i++) {
        const flipped = Buffer.from(sealed[part])
        flipped.writeUInt8(flipped.readUInt8(i) ^ 1, i)
        assert.throws(
          () => Envelope.open(kek, place, { ...sealed, [part]: flipped }),
          undefined,
          undefined,
          `${part}[${i}]`
        )
      }
      assert.throws(() => Envelope.open(kek, place, { ...sealed, [part]: sealed[part].subarray(0, 20) }))
    }
  })
  it("uses a new data key and nonce for each value", () => {
    const [a, b] = [Envelope.seal(kek, place, "same"), Envelope.seal(kek, place, "same")]
    assert.notDeepEqual(a.ciphertext, b.ciphertext)
    assert.throws(() => Envelope.open(kek, place, { ...a, wrappedKey: b.wrappedKey }))
  })
  it("rewraps without touching the value", () => {
    const next: Envelope.Kek = { id: "k2", key: randomBytes(32) }
    const sealed = Envelope.seal(kek, place, "v")
    const wrappedKey = Envelope.rewrap(kek, next, place, sealed.wrappedKey)
    assert.strictEqual(Envelope.open(next, place, { ...sealed, wrappedKey }), "v")
    assert.throws(() => Envelope.open(kek, place, { ...sealed, wrappedKey }))
  })
})

layer(layerEmbedded({ memory: true }), { excludeTestServices: true })("CredentialStore at rest", (it) => {
  it.effect("holds no readable value, and refuses one moved to another record or project", () =>
    Effect.gen(function* () {
      const keys = [key()] as const
      const db = yield* Database
      const [here, there] = [yield* NewId.make("proj"), yield* NewId.make("proj")]
      yield* using(
        keys,
        Effect.gen(function* () {
          const store = yield* CredentialStore
          yield* store.put(here, "TOKEN", Redacted.make("canary-7f3a"))
          const dump = yield* db.query<{ row: string }>(
            "SELECT c::text || encode(ciphertext, 'escape') || encode(wrapped_key, 'escape') AS row FROM rdev.credential c"
          )
          assert.isFalse(dump.some((line) => line.row.includes("canary")))
          yield* db.query(
            "INSERT INTO rdev.credential SELECT $2, name, kek_id, wrapped_key, ciphertext, 0 FROM rdev.credential WHERE owner = $1",
            [here, there]
          )
          yield* db.query(
            "INSERT INTO rdev.credential SELECT owner, 'OTHER', kek_id, wrapped_key, ciphertext, 0 FROM rdev.credential WHERE owner = $1 AND name = 'TOKEN'",
            [here]
          )
          for (const [project, name] of [
            [there, "TOKEN"],
            [here, "OTHER"]
          ] as const) {
            const error = yield* Effect.flip(store.get(project, name))
            assert.strictEqual(error.reason._tag, "Corrupt")
            assert.notInclude(error.message, "canary")
          }
          yield* store.removeAll(here)
          yield* store.removeAll(there)
        })
      )
    })
  )

  it.effect(
    "a damaged one is told at its project, keeps nobody from rotating, and nothing else from being masked",
    () =>
      Effect.gen(function* () {
        const [old, next] = [key(), key()]
        const db = yield* Database
        const [bad, good] = [yield* NewId.make("proj"), yield* NewId.make("proj")]
        yield* using(
          [old],
          Effect.gen(function* () {
            const store = yield* CredentialStore
            for (const project of [bad, good])
              for (const name of ["A", "B", "C"]) yield* store.put(project, name, Redacted.make(`value-${name}-of-it`))
          })
        )
        yield* db.query("UPDATE rdev.credential SET wrapped_key = '\\x00' WHERE owner = $1 AND name = 'A'", [bad])
        yield* db.query("UPDATE rdev.credential SET kek_id = 'lost' WHERE owner = $1 AND name = 'B'", [bad])
        const registry = Quarantine.make()
        yield* using(
          [next, old],
          Effect.gen(function* () {
            const store = yield* CredentialStore
            assert.strictEqual(yield* PgCredentialStore.rotate, 4)
            assert.deepStrictEqual(
              registry.of(bad).map(({ part }) => part),
              ["credential A", "credential B"]
            )
            assert.deepStrictEqual(registry.of(good), [])
            const redaction = yield* Redaction
            assert.strictEqual((yield* redaction.of(bad)).text("it is value-C-of-it"), "it is ***")
            assert.strictEqual((yield* redaction.of(good)).text("it is value-A-of-it"), "it is ***")
            const shown = yield* Variables.shown(bad)
            assert.deepStrictEqual(
              shown.map(({ value }) => value),
              ["(cannot be read)", "(cannot be read)", "***"]
            )
            yield* Effect.flip(Variables.ofWorkspaces(bad))
            yield* store.put(bad, "A", Redacted.make("a new one"))
            yield* store.remove(bad, "B")
            assert.deepStrictEqual(registry.of(bad), [])
            yield* store.removeAll(bad)
            yield* store.removeAll(good)
          }).pipe(Effect.provide(layerRedaction({ values: [] })))
        ).pipe(Effect.provideService(Quarantine.Quarantine, registry))
      })
  )

  it.effect("rotation can be stopped anywhere, and everything stays readable", () =>
    Effect.gen(function* () {
      const [old, next] = [key(), key()]
      const projectId = yield* NewId.make("proj")
      const names = Array.from({ length: 250 }, (_, i) => `S${String(i).padStart(3, "0")}`)
      const readable = Effect.flatMap(CredentialStore, (store) =>
        Effect.forEach(names, (name) =>
          Effect.map(store.get(projectId, name), (found) => Redacted.value(Option.getOrThrow(found)))
        )
      )
      yield* using(
        [old],
        Effect.flatMap(CredentialStore, (store) =>
          Effect.forEach(names, (name) => store.put(projectId, name, Redacted.make(`value of ${name}`)))
        )
      )
      const db = yield* Database
      const stale = Effect.map(
        db.query("SELECT 1 FROM rdev.credential WHERE kek_id <> $1", [Keyring.idOf(Buffer.from(next, "base64"))]),
        (rows) => rows.length
      )
      yield* using(
        [next, old],
        Effect.gen(function* () {
          // Stopped once some are done: the condition is polled, so the point differs from run to run.
          const run = yield* Effect.forkChild(PgCredentialStore.rotate)
          while ((yield* stale) > 200) yield* Effect.yieldNow
          yield* Fiber.interrupt(run)
          const left = yield* stale
          assert.isAbove(left, 0)
          assert.deepStrictEqual(
            yield* readable,
            names.map((name) => `value of ${name}`)
          )
          assert.strictEqual(yield* PgCredentialStore.rotate, left)
          assert.strictEqual(yield* PgCredentialStore.rotate, 0)
        })
      )
      assert.deepStrictEqual(
        yield* using([next], readable),
        names.map((name) => `value of ${name}`)
      )
      const error = yield* Effect.flip(using([old], readable))
      assert.deepInclude(error.reason, { _tag: "Invalid", field: "RDEV_KEK_PREVIOUS" })
    })
  )
})

describe("Keyring", () => {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), "rdev-keyring-"))
  afterAll(() => fs.rmSync(root, { recursive: true, force: true }))
  const keyring = (dataDir: string) =>
    Effect.provide(Effect.service(Keyring.Keyring), Layer.provide(Keyring.layer, layerEmbedded({ dataDir })))
  const given = (current: string, previous?: string) =>
    Effect.provide(
      Effect.service(Keyring.Keyring),
      Keyring.layerOf({
        current: Redacted.make(current),
        previous: previous === undefined ? undefined : Redacted.make(previous)
      })
    )

  it.live("makes a key file that only its owner can read, and finds it again", () =>
    Effect.gen(function* () {
      const dataDir = path.join(root, "a")
      const first = yield* keyring(dataDir)
      assert.strictEqual(fs.statSync(path.join(dataDir, "kek")).mode & 0o777, 0o600)
      assert.strictEqual((yield* keyring(dataDir)).current.id, first.current.id)
      fs.chmodSync(path.join(dataDir, "kek"), 0o644)
      assert.match((yield* Effect.flip(keyring(dataDir))).message, /chmod 600/)
    })
  )

  it.live("takes given keys, those that were replaced among them, and refuses keys of a wrong size", () =>
    Effect.gen(function* () {
      const [current, older, oldest] = [key(), key(), key()]
      const made = yield* given(current, ` ${older},, ${oldest} ,`)
      assert.strictEqual(made.current.id, Keyring.idOf(Buffer.from(current, "base64")))
      for (const previous of [older, oldest]) assert.isDefined(made.byId(Keyring.idOf(Buffer.from(previous, "base64"))))
      for (const [encrypts, replaced] of [
        ["c2hvcnQ=", undefined],
        [current, "c2hvcnQ="],
        ["", undefined]
      ] as const) {
        const error = yield* Effect.flip(given(encrypts, replaced))
        assert.strictEqual(error.reason._tag, "Invalid")
        assert.match(error.message, /RDEV_KEK.*openssl rand -base64 32/s)
        assert.notInclude(error.message, "c2hvcnQ=")
      }
    })
  )
})
