/**
 * What an installation tells its adapters, and what adapters may tell beside their ports. An adapter asks for `Host`; the rest are
 * references with a default, so that an adapter that has nothing to say about them says nothing.
 */
import { Context, type Effect } from "effect"
import type { HttpMount } from "../ports/infra/Edge.ts"
import type { StoreError } from "../ports/stores/StoreError.ts"

/** A program that workspaces get by its name, wherever it lies on the machine. */
export interface Program {
  readonly hostPath: string
  readonly name: string
}

/** The installation that an adapter works for. */
export class Host extends Context.Service<
  Host,
  {
    /** Where an adapter that keeps files on this machine keeps them, in a folder of its own name. */
    readonly dataDir: string
    /** Host names of projects are `<project>.<domain>`. */
    readonly domain: string
    /** Where people reach the API, without a trailing slash. */
    readonly url: string
    /** Where people reach a host name of this installation. */
    urlOf(host: string): string
    /** Network of what projects run in their own name. */
    readonly projectNetwork: "loopback" | "internet"
    /** Commands may run without isolation where none can be had. */
    readonly unsafeHost: boolean
    /** Of this machine, per project; null = the adapter's default. */
    readonly budget: {
      readonly memoryBytes: number | null
      readonly processes: number | null
      readonly diskBytes: number | null
      readonly files: number | null
      readonly reserveBytes: number | null
    }
    /** The platform's own commands, which every workspace has. */
    readonly programs: ReadonlyArray<Program>
    /** The environment of the process. */
    readonly variables: Readonly<Record<string, string | undefined>>
  }
>()("rdev/adapter/Host") {}

/** Programs of the agents, for workspace hosts that hide the machine. Told by the slot `agents` (see `Slot.offers`). */
export const AgentPrograms = Context.Reference<ReadonlyArray<Program>>("rdev/adapter/AgentPrograms", {
  defaultValue: () => []
})

/** What the machine that runs workspaces tells about itself; null = nothing. Told by the slot `workspaces`. */
export const Machine = Context.Reference<{
  /** Walls around commands that cannot stand here. */
  readonly missing: ReadonlyArray<string>
  /** What the disk of the data folder has left. */
  readonly room: Effect.Effect<
    {
      /** False when files of projects are refused. */
      readonly ok: boolean
      readonly detail: string
      readonly state: "ok" | "low" | "reserved" | "full"
    },
    unknown
  >
} | null>("rdev/adapter/Machine", { defaultValue: () => null })

/** How the stores were found at the start, in a few words for people. Told by the slot `stores`. */
export const StoresAnswer = Context.Reference<string>("rdev/adapter/StoresAnswer", { defaultValue: () => "answers" })

/**
 * Which data folder belongs with the stores: answers with the one on record, which is the one given if there was none yet. null = the
 * stores are for one process. Told by the slot `stores`.
 */
export const WorkFolder = Context.Reference<
  | ((folder: {
      readonly id: string
      readonly place: string
    }) => Effect.Effect<{ readonly id: string; readonly place: string }, StoreError>)
  | null
>("rdev/adapter/WorkFolder", { defaultValue: () => null })

/** Serves `/git/…` of the server's address; null = repositories are elsewhere. Told by the slot `forge`. */
export const GitEndpoint = Context.Reference<HttpMount | null>("rdev/adapter/GitEndpoint", { defaultValue: () => null })

/**
 * Runs an effect when the surrounding transaction of the stores has committed, never if it did not, and at once outside of one. The effect
 * must be short and ask no store. Told by the slot `stores`; a notifier that is none of theirs asks for it.
 */
export const AfterCommit = Context.Reference<(effect: Effect.Effect<void>) => Effect.Effect<void>>(
  "rdev/adapter/AfterCommit",
  { defaultValue: () => (effect) => effect }
)
