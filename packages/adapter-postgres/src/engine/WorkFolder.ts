/** Which folder this database belongs with: the first process that works says so, and later ones compare. */
import { Effect } from "effect"
import type { StoreError } from "@rdev/core/ports/stores/StoreError"
import { Database } from "./Database.ts"
import { operation } from "../stores/StoreOperation.ts"

export interface WorkFolder {
  /** Lies in the folder itself, so that another path to the same folder is the same one. */
  readonly id: string
  /** Where it was first seen, for people: host and path. */
  readonly place: string
}

const claimSql = "INSERT INTO rdev.work_folder (id, place) VALUES ($1, $2) ON CONFLICT (one) DO NOTHING"
const readSql = "SELECT id, place FROM rdev.work_folder"

/** The folder on record: the one given, if there was none yet. */
export const claim = (folder: WorkFolder): Effect.Effect<WorkFolder, StoreError, Database> =>
  operation("WorkFolder.claim")(
    Effect.gen(function* () {
      const { query } = yield* Database
      yield* query(claimSql, [folder.id, folder.place])
      return (yield* query<WorkFolder>(readSql))[0] ?? folder
    })
  )
