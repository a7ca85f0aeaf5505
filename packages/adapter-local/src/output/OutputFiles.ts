/** Reads and removes output on disk: `<dataDir>/output/<projectId>/<execId>/`, a folder that only the server's user may enter. */
import * as Ids from "@rdev/core/domain/Ids"
import * as Frames from "@rdev/core/domain/OutputFrames"
import type { OutputPage, OutputRange, OutputRun } from "@rdev/core/ports/stores/OutputStore"
import { Schema } from "effect"
import { readdir, readFile, rm, stat } from "node:fs/promises"
import { join } from "node:path"
import { fail, invalid, notFound } from "../LocalFailure.ts"
import * as Segment from "./OutputSegment.ts"

const isProjectId = Schema.is(Ids.ProjectId)
const isExecId = Schema.is(Ids.ExecId)
const isMissing = (cause: unknown): boolean => cause instanceof Error && "code" in cause && cause.code === "ENOENT"
const names = (folder: string): Promise<ReadonlyArray<string>> =>
  readdir(folder).catch((cause: unknown) => {
    if (isMissing(cause)) return []
    throw cause
  })
const root = (dataDir: string) => join(dataDir, "output")
export const projectFolder = (dataDir: string, projectId: string) => {
  if (!isProjectId(projectId)) throw invalid("projectId", `${JSON.stringify(projectId)} is no id of a project`)
  return join(root(dataDir), projectId)
}
export const folderOf = (dataDir: string, { execId, projectId }: OutputRun) => {
  if (!isExecId(execId)) throw invalid("execId", `${JSON.stringify(execId)} is no id of a command`)
  return join(projectFolder(dataDir, projectId), execId)
}

const segment = async (folder: string, one: Segment.Named) =>
  Segment.decode(one.from, await readFile(join(folder, one.name)))

export interface Size {
  readonly came: Frames.Counts
  readonly dropped: Frames.Counts
  readonly last: Segment.Segment
}
const sizeOf = async (folder: string, segments: ReadonlyArray<Segment.Named>): Promise<Size> => {
  const last = await segment(folder, segments.at(-1) as Segment.Named)
  const hole = Segment.hole(segments)
  if (hole === null) return { came: last.to, dropped: Frames.none, last }
  const until = (await segment(folder, hole[0])).to
  return {
    came: last.to,
    dropped: { stdout: hole[1].from.stdout - until.stdout, stderr: hole[1].from.stderr - until.stderr },
    last
  }
}

/** Looks again when another process dropped a segment meanwhile. */
const steadily = async <A>(
  folder: string,
  { execId }: OutputRun,
  look: (segments: ReadonlyArray<Segment.Named>) => Promise<A>
): Promise<A> => {
  for (let tries = 0; tries < 5; tries++) {
    const segments = Segment.named(await names(folder))
    if (segments.length === 0) throw notFound(`nothing is kept of what ${execId} printed`)
    try {
      return await look(segments)
    } catch (cause) {
      if (!isMissing(cause)) throw cause
    }
  }
  throw fail({ _tag: "Unavailable", message: `the output of ${execId} grows too fast to be read; try again` })
}

export const size = (dataDir: string, run: OutputRun) => {
  const folder = folderOf(dataDir, run)
  return steadily(folder, run, async (segments) => {
    const { came, dropped, last } = await sizeOf(folder, segments)
    return { came, dropped, end: last.end }
  })
}

export const read = (dataDir: string, run: OutputRun, { limit, offset, view }: OutputRange): Promise<OutputPage> => {
  const folder = folderOf(dataDir, run)
  return steadily(folder, run, async (segments) => {
    const { came, dropped, last } = await sizeOf(folder, segments)
    const total = Frames.of(came, view)
    if (offset > total) throw invalid("offset", `${offset} is beyond the ${total} bytes that came so far`)
    const page = new Frames.Page(view, offset, Math.min(limit, Frames.maxPageBytes))
    let open = true
    for (let i = Segment.indexAt(segments, view, offset); open && i < segments.length; i++) {
      const { frames } = i === segments.length - 1 ? last : await segment(folder, segments[i] as Segment.Named)
      open = frames.every((frame) => page.push(frame))
    }
    if (open) page.skip(total)
    return {
      bytes: page.bytes(),
      offset: page.offset,
      next: page.next,
      size: total,
      dropped: Frames.of(dropped, view),
      end: last.end
    }
  })
}

/** Bytes of one run on disk. */
export const bytesOf = async (folder: string): Promise<number> => {
  const sizes = await Promise.all(
    (await names(folder)).map((name) =>
      stat(join(folder, name)).then(
        (found) => found.size,
        () => 0
      )
    )
  )
  return sizes.reduce((sum, one) => sum + one, 0)
}
export const runsOf = async (dataDir: string, projectId: string): Promise<ReadonlyArray<Ids.ExecId>> =>
  (await names(projectFolder(dataDir, projectId))).filter((name): name is Ids.ExecId => isExecId(name)).sort()
export const projects = async (dataDir: string): Promise<ReadonlyArray<Ids.ProjectId>> =>
  (await names(root(dataDir))).filter((name): name is Ids.ProjectId => isProjectId(name))
export const remove = (folder: string) => rm(folder, { recursive: true, force: true, maxRetries: 3 })
