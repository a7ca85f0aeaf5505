/**
 * Run by the builds, from dist/ or from src/: writes the list of SQL files, and the snapshot of an empty, migrated database, beside the
 * built modules. A snapshot that is there already is for exactly these files and is kept.
 */
import { Effect } from "effect"
import * as fs from "node:fs"
import * as path from "node:path"
import * as Embedded from "./engine/Embedded.ts"
import * as Snapshot from "./Snapshot.ts"
import * as SqlFiles from "./SqlFiles.ts"

const main = Effect.gen(function* () {
  const listed = yield* SqlFiles.list
  yield* Effect.sync(() => {
    fs.mkdirSync(Snapshot.packaged, { recursive: true })
    fs.writeFileSync(
      path.join(Snapshot.packaged, path.basename(SqlFiles.listing)),
      JSON.stringify({ ...listed, folder: undefined })
    )
  })
  const files = yield* SqlFiles.load
  const name = Snapshot.fileName(files)
  if (fs.existsSync(path.join(Snapshot.packaged, name))) return
  const tar = yield* Embedded.build(files)
  const compressed = Snapshot.compress(tar)
  yield* Effect.sync(() => Snapshot.write(Snapshot.packaged, name, compressed))
  yield* Effect.log(`${name}: ${compressed.byteLength} bytes`)
})

await Effect.runPromise(main)
