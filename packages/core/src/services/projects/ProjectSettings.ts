/** What an installation gives to every new project. A reference: the server sets it from its configuration, tests and tools may leave it. */
import { Context } from "effect"

export interface ProjectSettings {
  /** Where host names point: an address, a host name, or a local route (see ports/Dns). */
  readonly dnsTarget: string
  /** Where people reach a host name, e.g. `http://hello.localhost:4848/`. */
  readonly urlOf: (host: string) => string
  readonly defaultBranch: string
  /** Harness of projects that name none. */
  readonly defaultAgent: string
  readonly defaultTemplate: string
  readonly workDir: string
  /** Environments that get the first commit at once; the others get their host names only. */
  readonly firstRelease: ReadonlyArray<"staging" | "production">
  /** Where forges reach the API, without a trailing slash; left out: they are told of no address. */
  readonly apiUrl?: string
  /** The label that makes a feature of an issue; default `rdev`. */
  readonly issueLabel?: string
}

export const ProjectSettings = Context.Reference<ProjectSettings>("rdev/services/ProjectSettings", {
  defaultValue: () => ({
    dnsTarget: "127.0.0.1",
    urlOf: (host) => `http://${host}/`,
    defaultBranch: "main",
    defaultAgent: "scripted",
    defaultTemplate: "default",
    workDir: "/workspace",
    firstRelease: ["production"]
  })
})
