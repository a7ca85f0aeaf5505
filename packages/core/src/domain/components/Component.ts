/**
 * A component: a part of a repository that is deployed or built by itself, as `rdev.yaml` says at a commit. A repository without the file
 * is one component. Schemas only; services/components reads the file.
 */
import { Schema } from "effect"

export const ComponentKind = Schema.Literals(["static", "node", "image", "worker", "cli", "package"])
export type ComponentKind = typeof ComponentKind.Type

/** A DNS label: it becomes a part of host names. */
export const ComponentName = Schema.String.check(
  Schema.isPattern(/^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$/u, {
    message: "expected lower-case letters, digits and hyphens, starting with a letter, at most 40 characters"
  })
)

export const Component = Schema.Struct({
  name: ComponentName,
  kind: ComponentKind,
  /** Folder in the repository, `.` for all of it. No slash at either end. */
  path: Schema.String,
  /** Commands run before, in its folder. */
  build: Schema.Array(Schema.String),
  /** Folder of what is served, in its own; of static ones. */
  publish: Schema.NullOr(Schema.String),
  /** The command that runs it; of what has a process. */
  start: Schema.NullOr(Schema.String),
  /** Where it listens; null = at the port that it is given. */
  port: Schema.NullOr(Schema.Int),
  /** Path that answers 2xx when it is well; null where nothing is asked. */
  health: Schema.NullOr(Schema.String),
  /** After how many minutes without a request its process sleeps; null = as the installation says. */
  idle: Schema.NullOr(Schema.Union([Schema.Literal("never"), Schema.Finite])),
  /** Kinds of resources, e.g. `database`; null = everything that the installation offers. */
  needs: Schema.NullOr(Schema.Array(Schema.String)),
  /** Whether people reach it; one at most. */
  public: Schema.Boolean
})
export type Component = typeof Component.Type

/** What is wrong with the file, and what to write. */
export const ComponentFault = Schema.Struct({
  /** e.g. `components[1].port`; empty for the file as a whole. */
  path: Schema.String,
  /** From 1. */
  line: Schema.Int,
  problem: Schema.String,
  fix: Schema.String
})
export type ComponentFault = typeof ComponentFault.Type
