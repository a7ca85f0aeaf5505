/** What the parts of the local deployer work with. */
import type * as Ids from "@rdev/core/domain/Ids"
import type { EnvironmentName } from "@rdev/core/ports/infra/Deployer"
import { Quarantine, type Registry } from "@rdev/core/ports/stores/Quarantine"
import { Context, Effect } from "effect"
import type { Socket } from "node:net"
import type * as Damaged from "../records/Damaged.ts"
import * as Sandbox from "../sandbox/Sandbox.ts"

export interface DeployOptions {
  readonly dataDir: string
  /** Releases are named `<project>.<domain>` and `staging.<project>.<domain>`; default `localhost`. */
  readonly domain?: string
  /** URL of a host name, e.g. `(host) => "http://" + host + ":4400/"`. */
  readonly urlOf: (host: string) => string
  /** Network of services; default `loopback` (their own). `internet` is the host's network, its loopback included. */
  readonly serviceNetwork?: "loopback" | "internet"
  /** How long a service may take until its health path answers; default 30 s. */
  readonly healthTimeoutMillis?: number
  /** A service that nobody asked for so long sleeps, unless its rdev.yaml says otherwise; null = never. Default 10 minutes. */
  readonly idleMillis?: number | null
}

export interface Place {
  readonly dataDir: string
  readonly domain: string
  readonly urlOf: (host: string) => string
  readonly serviceNetwork: "loopback" | "internet"
  readonly healthTimeoutMillis: number
  readonly idleMillis: number | null
  readonly sandbox: Sandbox.Sandbox["Service"]
  /** Where trouble of a project is told. */
  readonly quarantine: Registry
}

export const make = Effect.fnUntraced(function* (options: DeployOptions) {
  return {
    dataDir: options.dataDir,
    domain: options.domain ?? "localhost",
    urlOf: options.urlOf,
    serviceNetwork: options.serviceNetwork ?? "loopback",
    healthTimeoutMillis: options.healthTimeoutMillis ?? 30_000,
    idleMillis: options.idleMillis === undefined ? 10 * 60_000 : options.idleMillis,
    sandbox: yield* Sandbox.Sandbox,
    quarantine: yield* Quarantine
  } satisfies Place
})

/** What a look for a service came to. Who was given a connection says when it is `done` with it: until then the service is not idle. */
export type Reached =
  | { readonly kind: "open"; readonly connect: () => Socket; readonly done: () => void }
  /** It could not be woken, or too many wait for it; why is told at the project. */
  | { readonly kind: "unavailable"; readonly retryAfterMillis: number }
  /** It is not what is live any more. */
  | { readonly kind: "gone" }

export type LiveRelease =
  | { readonly kind: "static"; readonly id: string; readonly root: string }
  /** `reach` wakes the service if it sleeps, and answers once its health path does. */
  | { readonly kind: "node"; readonly id: string; readonly reach: () => Promise<Reached> }

/** What the edge serves, whichever process of the installation released it. */
export class LiveReleases extends Context.Service<
  LiveReleases,
  {
    find(projectId: Ids.ProjectId, environment: EnvironmentName): Promise<LiveRelease | null>
  }
>()("rdev/adapter-local/LiveReleases") {}

export const liveIn = (projectId: string, environment: EnvironmentName): Damaged.Whose => ({
  projectId,
  part: `the live release in ${environment}`,
  repair: "Deploy it again (project.sync does where nothing is released), or roll back"
})
export const serviceIn = (projectId: string, environment: EnvironmentName): Damaged.Whose => ({
  projectId,
  part: `the sleeping service in ${environment}`,
  repair: "It is tried again at a later request; deploy a commit whose service starts, or roll back"
})
