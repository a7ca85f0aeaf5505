/** What this process and its launch helper say to each other; one message each, as JSON. */
import { basename } from "node:path"

export interface LaunchOrder {
  readonly id: number
  readonly program: string
  readonly args: ReadonlyArray<string>
  readonly cwd: string | null
  /** The whole environment of the child. */
  readonly env: Readonly<Record<string, string>>
  /** In a process group of its own. */
  readonly detached: boolean
  /** How many descriptors are connected, from 0. */
  readonly descriptors: number
}
export type ToHelper = LaunchOrder | { readonly id: number; readonly kill: NodeJS.Signals }
export type FromHelper =
  | "ready"
  | { readonly id: number; readonly pid: number }
  | { readonly id: number; readonly failed: { readonly code: string; readonly message: string } }
  | { readonly id: number; readonly exit: { readonly code: number | null; readonly signal: NodeJS.Signals | null } }

/** Begins the name of a folder with a launcher's socket. */
export const folderPrefix = "rdev-launch-"
export const isLaunchFolder = (path: string): boolean => basename(path).startsWith(folderPrefix)

/** First line on a connection: which descriptor of which child it is. */
export const greeting = (id: number, descriptor: number): string => `${id}:${descriptor}\n`
export const parseGreeting = (line: string): { readonly id: number; readonly descriptor: number } | null => {
  const found = /^(\d+):(\d+)$/.exec(line)
  return found === null ? null : { id: Number(found[1]), descriptor: Number(found[2]) }
}
