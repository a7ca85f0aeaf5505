/** Run by the package's build: writes the list of migrations, and the snapshot of an empty, migrated database, beside the built modules. */
import { Effect } from "effect"
import * as fs from "node:fs"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import * as Embedded from "./engine/Embedded.ts"
import * as Migrations from "./Migrations.ts"
import * as Snapshot from "./Snapshot.ts"

const main = Effect.gen(function* () {
  const listed = yield* Migrations.list
  yield* Effect.sync(() => fs.writeFileSync(Migrations.listing, JSON.stringify(listed)))
  const migrations = yield* Migrations.load
  const tar = yield* Embedded.build(migrations)
  const compressed = Snapshot.compress(tar)
  const name = Snapshot.fileName(migrations)
  yield* Effect.sync(() => Snapshot.write(path.dirname(fileURLToPath(import.meta.url)), name, compressed))
  yield* Effect.log(`${name}: ${compressed.byteLength} bytes`)
})

await Effect.runPromise(main)
