/**
 * Foreign failures of agents, model providers, git and the network → ErrorClass. The only place that looks at messages.
 *
 * Pure and total: the first rule that fits decides, and what fits none is the agent's fault when its process ended by itself and
 * Unknown otherwise. The order is the meaning: an exhausted account also says 429, a request that is too large also says "limit".
 * Every rule has its real messages in test/failures/corpus.ts.
 */
import type { ErrorClass } from "@rdev/core/domain/ErrorClass"
import type { ExitStatus } from "@rdev/core/ports/infra/WorkspaceHost"
import { nextMidnightMillis, resetMillis, waitMillis } from "./ResetTime.ts"

export interface RawFailure {
  /** What the agent or its provider said, as printed: several lines are fine. Of several reports the newest that is recognised counts. */
  readonly text: string | ReadonlyArray<string>
  /** HTTP status, where the caller knows it; else it is read from the text. */
  readonly status?: number
  readonly exit?: ExitStatus
  readonly nowMillis: number
  /** The limit the run was given. */
  readonly timeoutMillis?: number
  /** Name of the account whose limit it would be; limits of one gate hold for everybody behind it. */
  readonly gate?: string | null
}

/** An account limit whose end is not stated is looked at again after this long. */
export const unstatedResetMillis = 3_600_000

interface Found {
  readonly message: string
  readonly text: string
  readonly raw: RawFailure
}
type Rule = readonly [pattern: RegExp, reason: (found: Found) => ErrorClass]

const gate = (found: Found): string | null => found.raw.gate ?? null

const rateLimited = (found: Found): ErrorClass => ({
  _tag: "RateLimited",
  message: found.message,
  gate: gate(found),
  retryAfterMillis: waitMillis(found.text)
})
const accountLimit = (found: Found): ErrorClass => ({
  _tag: "AccountLimit",
  message: found.message,
  gate: gate(found),
  resetAtMillis: resetMillis(found.text, found.raw.nowMillis) ?? found.raw.nowMillis + unstatedResetMillis
})
const daily = (found: Found): ErrorClass => ({
  _tag: "AccountLimit",
  message: found.message,
  gate: gate(found),
  resetAtMillis: resetMillis(found.text, found.raw.nowMillis) ?? nextMidnightMillis(found.raw.nowMillis)
})
const simple =
  (tag: "AuthFailed" | "Conflict" | "PolicyDenied" | "Budget" | "NeedsApproval" | "AgentFault" | "Unknown") =>
  (found: Found): ErrorClass => ({ _tag: tag, message: found.message })
const invalid =
  (field: string) =>
  (found: Found): ErrorClass => ({ _tag: "Invalid", message: found.message, field })
const exhausted =
  (resource: string) =>
  (found: Found): ErrorClass => ({ _tag: "ResourceExhausted", message: found.message, resource })
const timeout = (found: Found): ErrorClass => ({
  _tag: "Timeout",
  message: found.message,
  afterMillis: found.raw.timeoutMillis ?? 0
})

const machine: ReadonlyArray<Rule> = [
  [/\bENOSPC\b|no space left on device|disk quota exceeded|\bEDQUOT\b|disk is full/i, exhausted("disk")],
  [
    /heap out of memory|\bENOMEM\b|cannot allocate memory|\bOOMKilled\b|oom-kill|out of memory|std::bad_alloc|MemoryError\b/i,
    exhausted("memory")
  ],
  [/\bE[MN]FILE\b|too many open files/i, exhausted("files")],
  [/resource temporarily unavailable|cannot fork|\bfork\b.*\bEAGAIN\b|spawn.*\bEAGAIN\b/i, exhausted("processes")]
]

const limits: ReadonlyArray<Rule> = [
  [
    /insufficient_quota|exceeded your current quota|credit balance is too low|requires more credits|insufficient (?:credits|balance|funds)|billing_hard_limit|payment required|out of credits|key limit exceeded|never purchased credits|\b402\b.*(?:credit|payment|balance)/i,
    simple("Budget")
  ],
  [/error_max_budget|maximum budget|budget (?:limit )?(?:of \S+ )?(?:exceeded|reached)/i, simple("Budget")],
  [
    /prompt is too long|maximum context length|context[_ ]length[_ ]exceeded|context window|input is too long|exceeds? the (?:maximum|context)|too many input tokens|request_too_large|request too large|request exceeds the maximum|reduce the length|input length and `?max_tokens|payload too large|\b413\b/i,
    invalid("prompt")
  ],
  [/per[-_ ]?day\b|daily (?:request |token )?(?:limit|quota)/i, daily],
  [
    /usage[_ ]limit|session limit|weekly limit|hit your (?:\w+ )?limit|limit reached .*resets|reached your specified api usage limits|5-hour limit|limit will reset|plan limit/i,
    accountLimit
  ]
]

const access: ReadonlyArray<Rule> = [
  [
    /content filtering policy|usage policy|violat\w+ (?:our|the|its) (?:usage )?polic|content[_ ]policy|flagged as potentially violating|safety (?:system|reasons)|moderation|prompt was flagged/i,
    simple("PolicyDenied")
  ],
  [
    /protected branch|pre-receive hook declined|push declined|GH0\d\d|repository rule violations|not allowed to push/i,
    simple("PolicyDenied")
  ],
  [
    /api[_ -]?key|authentication[_ ]error|authenticationerror|authentication failed|invalid (?:bearer|auth\w*|access) (?:token|header)|invalid x-api-key|unauthori[sz]ed|\b401\b|oauth (?:token|authentication)|token (?:has )?(?:expired|been revoked)|not logged in|please run \/login|log ?in again|no (?:cookie )?auth credentials|user not found|could not read (?:username|password)|permission denied \(publickey|terminal prompts disabled|permission_error|organization has been disabled|country, region, or territory|refresh token|access denied/i,
    simple("AuthFailed")
  ],
  [
    /requested permissions? to|haven't granted it|requires approval|approval (?:is )?required|permission requested/i,
    simple("NeedsApproval")
  ],
  [
    /model[_ ]not[_ ]found|not_found_error|does not exist or you do not have access|requested resource was not found|not a valid model|unknown model|model .{0,80}(?:not found|does not exist|not supported)|no endpoints found/i,
    invalid("model")
  ]
]

const weather: ReadonlyArray<Rule> = [
  [
    /overloaded|\b529\b|\b503\b|at capacity|server_is_overloaded|service unavailable|engine is currently|high demand/i,
    rateLimited
  ],
  [/rate[-_ ]?limit|too many requests|\b429\b|resource_?exhausted|throttl|slow down|concurrency limit/i, rateLimited],
  [
    /non-fast-forward|fetch first|cannot lock ref|index\.lock|CONFLICT \(|merge conflict|stale info|automatic merge failed|need to resolve your current index|\b409\b.*conflict|unmerged files/i,
    simple("Conflict")
  ],
  [
    /repository .{0,120}not found|not a git repository|does not appear to be a git repository|couldn't find remote ref|unknown revision|did not match any file/i,
    invalid("repository")
  ],
  [/\btimed? ?-?out(?:_error)?\b|\bETIMEDOUT\b|deadline exceeded|gateway time-?out|\b524\b|\b408\b|\b504\b/i, timeout],
  [
    /\bECONN(?:RESET|REFUSED|ABORTED)\b|\bEPIPE\b|\bENOTFOUND\b|\bEAI_AGAIN\b|\bEHOSTUNREACH\b|\bENETUNREACH\b|socket hang up|fetch failed|connection (?:error|reset|refused|closed|was closed)|could not resolve host|stream (?:disconnected|error|closed)|remote end hung up|early eof|terminated|unable to connect|network error|certificate|\bTLS\b|\bSSL\b|error sending request|an error occurred while processing/i,
    simple("Unknown")
  ],
  [
    /api_error|internal server error|server[_ ]error|bad gateway|\b50[0-2]\b|\b52[0-7]\b|had an error while processing/i,
    simple("Unknown")
  ]
]

const request: ReadonlyArray<Rule> = [
  [/error_max_turns|maximum number of turns|error_during_execution/i, simple("AgentFault")],
  [
    /command not found|no such file or directory.*(?:exec|spawn)|spawn \S+ ENOENT|executable file not found/i,
    invalid("argv")
  ],
  [
    /invalid_request_error|invalid request|bad request|\b400\b|\b422\b|unknown (?:option|argument|command)|unexpected argument|unrecognized (?:option|argument)/i,
    invalid("request")
  ]
]

const rules: ReadonlyArray<Rule> = [...machine, ...limits, ...access, ...weather, ...request]

const byStatus = (status: number): ((found: Found) => ErrorClass) | null => {
  if (status === 401 || status === 403) return simple("AuthFailed")
  if (status === 402) return simple("Budget")
  if (status === 404) return invalid("model")
  if (status === 408 || status === 504 || status === 524) return timeout
  if (status === 409) return simple("Conflict")
  if (status === 413) return invalid("prompt")
  if (status === 429 || status === 503 || status === 529) return rateLimited
  if (status >= 500) return simple("Unknown")
  return status >= 400 ? invalid("request") : null
}

const maxMessage = 500

const complaint = /\b(?:error|fatal|failed|failure|panic|exception|cannot|could not)\b/i

/** The line that matched; without a pattern the last one that complains, else the last one. At most 500 characters. */
const message = (text: string, pattern: RegExp | null): string => {
  const lines = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
  const chosen =
    (pattern === null ? lines.findLast((line) => complaint.test(line)) : lines.find((line) => pattern.test(line))) ??
    lines.at(-1) ??
    ""
  return chosen.length <= maxMessage ? chosen : `${chosen.slice(0, maxMessage - 1)}…`
}

const ended = (exit: ExitStatus): string =>
  exit.code === null ? `ended by ${exit.signal ?? exit.reason}` : `exit code ${exit.code}`

/** What the way the process ended says by itself. */
const byExit = (raw: RawFailure, text: string, exit: ExitStatus): ErrorClass | null => {
  switch (exit.reason) {
    case "timeout":
      return {
        _tag: "Timeout",
        message: `the agent ran longer than ${raw.timeoutMillis ?? 0} ms and was stopped`,
        afterMillis: raw.timeoutMillis ?? 0
      }
    case "oom":
      return {
        _tag: "ResourceExhausted",
        message: "the agent used more memory than its workspace has",
        resource: "memory"
      }
    case "connection_lost":
      return {
        _tag: "Unknown",
        message: "the connection to the workspace was lost; whether the agent finished is not known"
      }
    case "killed":
      return { _tag: "Unknown", message: "the agent was stopped from outside" }
    default:
      // 126 and 127 are how a shell says that a program cannot be run or was not found (POSIX 2.8.2).
      if (exit.code === 126 || exit.code === 127)
        return {
          _tag: "Invalid",
          message: message(text, /not found|cannot execute|permission denied/i) || "the agent's program was not found",
          field: "argv"
        }
      return exit.signal === "SIGKILL" || exit.code === 137
        ? {
            _tag: "ResourceExhausted",
            message: "the agent was killed by SIGKILL, as the kernel does when memory runs out",
            resource: "memory"
          }
        : null
  }
}

/** The first rule that fits a text, applied to it. */
const recognise = (raw: RawFailure, text: string): ErrorClass | null => {
  const hit = rules.find(([pattern]) => pattern.test(text))
  return hit === undefined ? null : hit[1]({ message: message(text, hit[0]), text, raw })
}

export const classifyFailure = (raw: RawFailure): ErrorClass => {
  const reports = typeof raw.text === "string" ? [raw.text] : [...raw.text].reverse()
  const newest = reports[0] ?? ""
  const certain = raw.exit === undefined ? null : byExit(raw, newest, raw.exit)
  if (certain !== null) return certain
  for (const report of reports) {
    const reason = recognise(raw, report)
    if (reason !== null) return reason
  }
  const said = message(newest, null)
  const answered = raw.status === undefined ? null : byStatus(raw.status)
  if (answered !== null) return answered({ message: said === "" ? `HTTP ${raw.status}` : said, text: newest, raw })
  if (raw.exit === undefined) return { _tag: "Unknown", message: said === "" ? "it failed without saying why" : said }
  const how = ended(raw.exit)
  return {
    _tag: "AgentFault",
    message: said === "" ? `the agent printed nothing and ended with ${how}` : `${said} (${how})`
  }
}
