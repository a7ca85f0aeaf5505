/** Valid records for suites, each with fresh ids. */
import { ApiKey } from "@rdev/core/domain/ApiKey"
import type { NewAuditEntry } from "@rdev/core/domain/Audit"
import type { NewEvent, Subject } from "@rdev/core/domain/Event"
import { Environment } from "@rdev/core/domain/Environment"
import { FeatureIndex, Slug } from "@rdev/core/domain/FeatureIndex"
import * as Ids from "@rdev/core/domain/Ids"
import * as NewId from "@rdev/core/ids/NewId"
import { Project, ProjectName } from "@rdev/core/domain/Project"
import { Webhook } from "@rdev/core/domain/Webhook"
import type { StoreError } from "@rdev/core/ports/stores/StoreError"
import { DateTime, Effect, Schema } from "effect"

const start = DateTime.makeUnsafe(1_750_000_000_000)
let counter = 0
/** Unlike every other one of this process: suites share stores. */
export const unique = (prefix: string): string => `${prefix}-${process.pid.toString(36)}-${(++counter).toString(36)}`

export const project = (fields: Partial<Project> = {}): Effect.Effect<Project> =>
  Effect.map(
    NewId.make("proj"),
    (id) =>
      new Project({
        id,
        name: ProjectName.make(unique("sample")),
        template: "default",
        status: "provisioning",
        description: 'Ünïcode, "quotes", \\ and\nlines',
        agent: "scripted",
        defaultBranch: "main",
        workDir: "/workspace",
        cloneUrl: null,
        resources: [{ kind: "repository", status: "ready", provider: "memory", externalId: "r1", detail: null }],
        operationId: null,
        createdAt: start,
        updatedAt: start,
        revision: 1,
        ...fields
      })
  )

export const environment = (projectId: Ids.ProjectId, fields: Partial<Environment> = {}): Effect.Effect<Environment> =>
  Effect.map(
    NewId.make("env"),
    (id) =>
      new Environment({
        id,
        projectId,
        name: "production",
        kind: "production",
        hosts: ["hello.example.org"],
        url: "https://hello.example.org/",
        bindings: [{ kind: "dns", status: "ready", provider: "memory", externalId: "hello.example.org", detail: null }],
        release: null,
        conditions: [
          { type: "dns", status: "true", reason: "Ready", message: 'Ünïcode, "quotes"', timeMillis: 1_750_000_000_000 }
        ],
        createdAtMillis: 1_750_000_000_000,
        updatedAtMillis: 1_750_000_000_000,
        revision: 1,
        ...fields
      })
  )

/** A copy with other fields, one revision on. */
export const changed = (before: Project, fields: Partial<Project>): Project =>
  new Project({ ...before, revision: before.revision + 1, ...fields })

const featureFields = Schema.decodeUnknownSync(FeatureIndex)
export const feature = (projectId: Ids.ProjectId, fields: Partial<FeatureIndex> = {}): Effect.Effect<FeatureIndex> =>
  Effect.map(
    NewId.make("feat"),
    (id) =>
      new FeatureIndex({
        ...featureFields({
          id,
          projectId,
          slug: Slug.make(unique("f")),
          title: "A feature",
          kind: "feature",
          phase: "draft",
          lifecycle: "active",
          branch: null,
          pullRequest: null,
          deps: [],
          claimed: false,
          intactSha: null,
          taskId: null,
          decision: null,
          live: true,
          createdAtMillis: 1,
          updatedAtMillis: 1
        }),
        ...fields
      })
  )

export const event = (type: string, data: NewEvent["data"] = {}, subject: Subject = {}): NewEvent => ({
  type,
  subject,
  data
})

export const auditEntry = (projectId: Ids.ProjectId | null, fields: Partial<NewAuditEntry> = {}): NewAuditEntry => ({
  projectId,
  operationId: null,
  type: "project.provision",
  actor: "key_1",
  requestId: "req-1",
  sourceAddress: "127.0.0.1",
  outcome: "completed",
  steps: [{ name: "repository", status: "done", durationMillis: 12 }],
  data: { note: "ü", nested: { b: 1, a: [true, null, 1.5] } },
  ...fields
})

export const apiKey = (fields: Partial<ApiKey> = {}): Effect.Effect<ApiKey> =>
  Effect.map(
    NewId.make("key"),
    (id) =>
      new ApiKey({
        id,
        name: "ci",
        digest: unique("digest"),
        hint: "rdev_tes",
        scopes: ["projects:read"],
        projects: null,
        cidrs: ["10.0.0.0/8"],
        expiresAtMillis: null,
        revokedAtMillis: null,
        lastUsedAtMillis: null,
        createdAtMillis: 1,
        ...fields
      })
  )

export const webhook = (fields: Partial<Webhook> = {}): Effect.Effect<Webhook> =>
  Effect.map(
    NewId.make("whk"),
    (id) =>
      new Webhook({
        id,
        projectId: null,
        url: "https://hooks.example/rdev?a=ü",
        events: ["task.failed", "operation.*", "notify"],
        createdAtMillis: 1,
        previousSecretUntilMillis: null,
        disabled: null,
        ...fields
      })
  )

/** The reason's tag of an effect that must fail. */
export const reasonOf = <A, R>(effect: Effect.Effect<A, StoreError, R>): Effect.Effect<string, never, R> =>
  Effect.match(effect, { onFailure: (error) => error.reason._tag as string, onSuccess: () => "succeeded" })
