/** Scalars shared by state, events and policy. */
import { Schema } from "effect"
import { severities } from "../Names.ts"
import { slugPattern } from "../Slug.ts"

/** 26 characters of Crockford base 32; sorts by time of creation. */
export const Ulid = Schema.String.check(Schema.isPattern(/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/u))
export type Ulid = typeof Ulid.Type

/** `<scheme>:<hex>`, for instance `md1:…` for a document, `sha256:…` for evidence, `git:…` for a code tree. A bare hexadecimal git id is allowed. */
export const Digest = Schema.String.check(Schema.isPattern(/^(?:[a-z][a-z0-9]*:)?[0-9a-zA-Z_-]{1,128}$/u))
export type Digest = typeof Digest.Type

/** UTC instant as ISO 8601 with a trailing Z. */
export const Instant = Schema.String.check(Schema.isPattern(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?Z$/u))
export type Instant = typeof Instant.Type

export const Slug = Schema.String.check(Schema.isPattern(slugPattern))
export type Slug = typeof Slug.Type

export const TaskId = Schema.String.check(Schema.isPattern(/^task-\d{3,6}$/u))
export type TaskId = typeof TaskId.Type

export const Severity = Schema.Literals(severities)
export type Severity = typeof Severity.Type
