/** What this process and its launch helper say to each other, one message each, as JSON; and how either starts a child. */
import { type ChildProcess, spawn } from "node:child_process"
import { basename } from "node:path"
import { stdio } from "./Descriptors.ts"

export interface Request {
  readonly program: string
  readonly args: ReadonlyArray<string>
  /** Default: the root folder, whatever the directory of this process is. */
  readonly cwd?: string
  /** The whole environment of the child. */
  readonly env: Readonly<Record<string, string>>
  /** How many descriptors are connected, from 0; default 3. */
  readonly descriptors?: number
}
export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface LaunchOrder extends Request {
  readonly id: number
}
export type ToHelper = LaunchOrder | { readonly id: number; readonly kill: NodeJS.Signals }
export type FromHelper =
  | "ready"
  | { readonly id: number; readonly pid: number }
  | { readonly id: number; readonly failed: { readonly code: string; readonly message: string } }
  | { readonly id: number; readonly exit: Exit }

export const descriptorsOf = ({ descriptors = 3 }: Request): number => descriptors

/**
 * A pipe at every descriptor, and no other file of this process. In a session of its own: what is typed at the server's terminal does not
 * reach it, it cannot type there, and `kill 0` ends its own group and nobody else's. Without a pid it could not be started, and its
 * `error` says why.
 */
export const spawnPiped = (request: Request): ChildProcess => {
  const { args, cwd = "/", env, program } = request
  return spawn(program, [...args], { env: { ...env }, detached: true, stdio: stdio(descriptorsOf(request)), cwd })
}

/** Begins the name of a folder with a launcher's socket. */
export const folderPrefix = "rdev-launch-"
export const isLaunchFolder = (path: string): boolean => basename(path).startsWith(folderPrefix)

/** First line on a connection: which descriptor of which child it is. */
export const greeting = (id: number, descriptor: number): string => `${id}:${descriptor}\n`
export const parseGreeting = (line: string): { readonly id: number; readonly descriptor: number } | null => {
  const found = /^(\d+):(\d+)$/.exec(line)
  return found === null ? null : { id: Number(found[1]), descriptor: Number(found[2]) }
}
