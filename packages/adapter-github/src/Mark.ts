/**
 * How a repository says whose it is: at the end of its description, `… [rdev:proj_01…]`, or `… [rdev:proj_01…:adopted]` where it was
 * there before. It is set by the same request that creates the repository. A topic stands beside it for people to search by; it decides
 * nothing. Pure.
 */
import type { ProjectId } from "@rdev/core/domain/Ids"

export const topic = "rdev"
/** GitHub's limit of a description. */
const most = 350

export interface Mark {
  readonly projectId: ProjectId
  readonly adopted: boolean
}

const pattern = /(?:^| )\[rdev:(proj_[0-9A-Z]{26})(:adopted)?\]$/
export const read = (description: string | null): Mark | null => {
  const found = pattern.exec(description ?? "")
  return found === null ? null : { projectId: found[1] as ProjectId, adopted: found[2] !== undefined }
}
/** What stands before the mark. */
export const without = (description: string | null): string => (description ?? "").replace(pattern, "")
/** null: it would be longer than GitHub keeps. */
export const write = (description: string, { adopted, projectId }: Mark): string | null => {
  const mark = `[rdev:${projectId}${adopted ? ":adopted" : ""}]`
  const text = description === "" ? mark : `${description} ${mark}`
  return [...text].length > most ? null : text
}
