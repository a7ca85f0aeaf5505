/**
 * How a run of ours is found again at a server of Actions, by its key or by its id alone, whatever answer was lost and whichever process
 * asks. A run begins with a branch of its own, `rdev-ci/<hash of the key>`: making it is one step that succeeds once. The run's id ends in
 * the same hash, and the first line of the branch's only commit, which the server keeps as the run's title, says what it is about. Pure.
 */
import type { ProjectId, RunId } from "@rdev/core/domain/Ids"
import { RunId as RunIdSchema } from "@rdev/core/domain/Ids"
import * as NewId from "@rdev/core/ids/NewId"
import { BranchName, type Sha } from "@rdev/core/ports/infra/Forge"
import { Schema } from "effect"
import { createHash } from "node:crypto"

export interface Named {
  readonly id: RunId
  readonly sha: Sha
  readonly event: string
  readonly branch: string
}

export const prefix = "rdev-ci/"
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
/** Of a run's id, as of every ULID, the last 16 characters of 5 bits each are not its time. */
const hashLength = 16
const isRunId = Schema.is(RunIdSchema)
const title = /^CI (run_[0-9A-Z]{26}) of ([0-9a-f]{40}(?:[0-9a-f]{24})?) for ([a-z_]{1,30}) on (\S*)/

const hashOf = (projectId: ProjectId, key: string): string => {
  const digest = createHash("sha256").update(`${projectId}\0${key}`).digest()
  return Array.from(digest.subarray(0, hashLength), (byte) => alphabet[byte % 32]).join("")
}
/** 48 bits of milliseconds, as every ULID begins. */
const timeOf = (millis: number): string =>
  Array.from({ length: 10 }, (_, index) => alphabet[Math.floor(millis / 32 ** (9 - index)) % 32]).join("")

/** The id of the run that a key begins now. */
export const idOf = (projectId: ProjectId, key: string, nowMillis: number): RunId =>
  `run_${timeOf(nowMillis)}${hashOf(projectId, key)}` as RunId

export const branchOf = (id: RunId): BranchName => BranchName.make(`${prefix}${id.slice(-hashLength).toLowerCase()}`)
export const beganMillis = (id: RunId): number => NewId.timeMillis(id)

/** Servers cut a title after 255 characters: what decides stands in front. */
export const titleOf = ({ branch, event, id, sha }: Named): string => `CI ${id} of ${sha} for ${event} on ${branch}`
export const parse = (text: string): Named | null => {
  const [, id = "", sha = "", event = "", branch = ""] = title.exec(text) ?? []
  return isRunId(id) ? { id, sha, event, branch } : null
}

/** Tells our lines in a log from a step's own. A step can read it, and could only spoil how its own states are shown. */
export const nonceOf = (id: RunId): string => createHash("sha256").update(`log ${id}`).digest("hex").slice(0, 16)
