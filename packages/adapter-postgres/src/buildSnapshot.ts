/** Run by the package's build: writes the list of SQL files, and the snapshot of an empty, migrated database, beside the built modules. */
import { Effect } from "effect"
import * as fs from "node:fs"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import * as Embedded from "./engine/Embedded.ts"
import * as Snapshot from "./Snapshot.ts"
import * as SqlFiles from "./SqlFiles.ts"

const main = Effect.gen(function* () {
  const listed = yield* SqlFiles.list
  yield* Effect.sync(() => fs.writeFileSync(SqlFiles.listing, JSON.stringify(listed)))
  const files = yield* SqlFiles.load
  const tar = yield* Embedded.build(files)
  const compressed = Snapshot.compress(tar)
  const name = Snapshot.fileName(files)
  yield* Effect.sync(() => Snapshot.write(path.dirname(fileURLToPath(import.meta.url)), name, compressed))
  yield* Effect.log(`${name}: ${compressed.byteLength} bytes`)
})

await Effect.runPromise(main)
