/**
 * Showing our state in foreign files: ticked boxes and cc-sdd's approvals. Only `render` asks for it.
 *
 * Promises to change nothing but the marks: a box is ticked when its task is done and opened when it is not; marks other
 * than a blank or an x are left alone, because we do not know what they mean.
 */
import { parse } from "yaml"
import type { ArtifactKind } from "../model/Artifact.ts"
import type { Source } from "./Foreign.ts"
import { importers } from "./Importers.ts"
import type { Format } from "./Foreign.ts"

const native = /^- \[[ x]\] (task-\d{3,6}):/

/** The file with its boxes as the tasks stand. */
export const boxes = (format: Format, source: Source, isDone: (task: string) => boolean): string => {
  const at = new Map<number, boolean>()
  for (const line of importers[format].translate("tasks", [source]).lines) {
    const id = native.exec(line.text)?.[1]
    if (id !== undefined) at.set(line.line, isDone(id))
  }
  return source.text
    .split("\n")
    .map((line, index) => {
      const ticked = at.get(index + 1)
      return ticked === undefined
        ? line
        : line.replace(/^(\s*(?:[-*+]|\d{1,9}[.)]|#{2,4})\s+)\[[ xX]\]/, `$1[${ticked ? "x" : " "}]`)
    })
    .join("\n")
}

/** cc-sdd's `spec.json` with its approvals as ours stand; `null` when it is none or nothing changes. */
export const specJson = (text: string, isApproved: (kind: ArtifactKind) => boolean): string | null => {
  let json: unknown
  try {
    json = parse(text, { logLevel: "error" })
  } catch {
    return null
  }
  const approvals =
    typeof json === "object" && json !== null
      ? (json as { approvals?: Record<string, { approved?: unknown } | null> }).approvals
      : undefined
  if (typeof approvals !== "object" || approvals === null) return null
  const kinds: ReadonlyArray<readonly [string, ArtifactKind]> = [
    ["requirements", "spec"],
    ["design", "design"],
    ["tasks", "tasks"]
  ]
  let changed = false
  for (const [name, kind] of kinds) {
    const entry = approvals[name]
    if (typeof entry !== "object" || entry === null || entry.approved === isApproved(kind)) continue
    entry.approved = isApproved(kind)
    changed = true
  }
  return changed ? `${JSON.stringify(json, null, 2)}\n` : null
}
