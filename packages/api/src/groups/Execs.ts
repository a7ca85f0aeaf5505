/** Commands in a project's workspace. Their output is in the project's event stream as text, under `exec_id`, and here as bytes. */
import { ExecId } from "@rdev/core/domain/Ids"
import { maxPageBytes } from "@rdev/core/domain/OutputFrames"
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"
import { Authorization, Idempotency, requires } from "../Access.ts"
import * as Parameters from "../Parameters.ts"
import * as Problem from "../Problem.ts"
import * as Wire from "../Wire.ts"

export const NewExec = Wire.struct("NewExec", {
  /** Program and arguments; name a shell to get one. */
  command: Schema.Array(Schema.String.check(Schema.isMaxLength(100_000))).check(
    Schema.isMinLength(1),
    Schema.isMaxLength(1_000)
  ),
  cwd: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(4096))),
  env: Schema.optionalKey(
    Schema.Record(Schema.String.check(Schema.isPattern(/^[A-Za-z_][A-Za-z0-9_]*$/u)), Schema.String)
  ),
  /** Interactive terminals are not offered yet. */
  tty: Schema.optionalKey(Schema.Null),
  timeoutSeconds: Schema.optionalKey(Schema.Finite.check(Schema.isBetween({ minimum: 1, maximum: 86_400 }))),
  /** A feature's slug to run in its workspace; default: the project's own, on the default branch. */
  workspace: Schema.optionalKey(
    Schema.String.check(
      Schema.isPattern(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/u, {
        message: "expected lower-case letters, digits and hyphens"
      })
    )
  ),
  onDisconnect: Schema.optionalKey(Schema.Literal("run"))
})
export const ExecView = Wire.struct("Exec", {
  id: ExecId,
  /** The first 10 parts, of each the first 1,000 characters. */
  command: Schema.Array(Schema.String),
  workspace: Schema.String,
  state: Schema.Literals(["starting", "running", "exited"]),
  exitCode: Schema.NullOr(Schema.Int),
  signal: Schema.NullOr(Schema.String),
  /** How it ended; `connection_lost` is never success. */
  reason: Schema.NullOr(Schema.Literals(["exited", "signal", "timeout", "killed", "oom", "disk", "connection_lost"])),
  /** For `oom` and `disk`: what was over, and the limit. */
  detail: Schema.NullOr(Schema.String),
  startedAt: Wire.Time,
  endedAt: Wire.OptionalTime,
  eventsUrl: Schema.String
})
export type ExecView = typeof ExecView.Type

const count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
/** A piece of what a command printed. */
const OutputBytes = HttpApiSchema.WithHeaders(Schema.Uint8Array.pipe(HttpApiSchema.asUint8Array()), {
  /** Where the body begins: behind the offset that was asked for when that was dropped. */
  "rdev-output-offset": count,
  /** The offset to go on with. */
  "rdev-output-next": count,
  /** Bytes that came so far, of what was asked for. */
  "rdev-output-size": count,
  /** How many of them are not kept. */
  "rdev-output-dropped": count,
  /** `true`: nothing more will come. */
  "rdev-output-ended": Schema.Literals(["true", "false"])
})
const outputWords =
  "Bytes exactly as they came, but for secrets, which are `***`. Read from `rdev-output-next` on until `rdev-output-ended` is `true` and it equals `rdev-output-size`." +
  " Of a command that prints more than 64 MiB the beginning and the end are kept; an offset between them is answered with what follows."

const params = { ...Parameters.project, exec: ExecId }
export class ExecsGroup extends HttpApiGroup.make("execs")
  .add(
    HttpApiEndpoint.post("create", "/projects/:project/workspace/execs", {
      params: Parameters.project,
      headers: Parameters.idempotency,
      payload: NewExec,
      success: ExecView.pipe(HttpApiSchema.status(201)),
      error: Problem.write
    }).annotateMerge(requires("sessions:execute", { summary: "Run a command in the workspace" })),
    HttpApiEndpoint.get("get", "/projects/:project/workspace/execs/:exec", {
      params,
      query: { wait: Schema.optionalKey(Parameters.Seconds(60)) },
      success: ExecView,
      error: Problem.read
    }).annotateMerge(requires("sessions:read", { summary: "Show a command; `wait` waits for its end" })),
    HttpApiEndpoint.get("output", "/projects/:project/workspace/execs/:exec/output", {
      params,
      query: {
        /** Default `both`: in the order in which they came. */
        stream: Schema.optionalKey(Schema.Literals(["stdout", "stderr", "both"])),
        /** In bytes of what `stream` names; default 0; refused (422) beyond what came so far. */
        offset: Schema.optionalKey(Parameters.Whole(0, Number.MAX_SAFE_INTEGER)),
        /** Default 1 MiB. */
        limit: Schema.optionalKey(Parameters.Whole(1, maxPageBytes))
      },
      success: OutputBytes,
      error: Problem.readFrom
    }).annotateMerge(
      requires("sessions:read", { summary: "Read what a command printed, byte for byte", description: outputWords })
    ),
    HttpApiEndpoint.post("kill", "/projects/:project/workspace/execs/:exec/kill", {
      params,
      success: ExecView,
      error: Problem.write
    }).annotateMerge(requires("sessions:execute", { summary: "End a command: TERM, then KILL" }))
  )
  .middleware(Idempotency)
  .middleware(Authorization) {}
