/**
 * Processes that work for one installation share a data folder, because repositories and releases are in it and nowhere else. One
 * that was started with another folder would take tasks it can only fail at, so it is not started.
 */
import { WorkFolder } from "@rdev/core/adapter/Host"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { hostname } from "node:os"
import * as KeyFiles from "../keys/KeyFiles.ts"
import { type ServerConfig, StartError } from "../ServerConfig.ts"

const check = (config: ServerConfig) =>
  Effect.gen(function* () {
    const claim = yield* WorkFolder
    if (claim === null) return
    const id = yield* KeyFiles.folderId(config.dataDir)
    const held = yield* claim({ id, place: `${hostname()}:${config.dataDir}` })
    if (held.id === id) return
    return yield* new StartError({
      field: "data folder",
      problem: `${config.dataDir} is not the folder of this installation: its repositories are in ${held.place}`,
      fix: "Share that folder with this process (--data-dir, RDEV_DATA_DIR), or let it only answer requests (RDEV_WORKER_CAPACITY=0)"
    })
  })

/** A process without a worker needs nothing of the folder. */
export const layer = (config: ServerConfig) =>
  Layer.effectDiscard(config.workerCapacity === 0 ? Effect.void : check(config))
