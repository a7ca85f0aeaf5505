/**
 * Real messages of agents, providers, git, HTTP and the machine, each with the class it must get. `source` is where the text was
 * published, or `observed:` and the program that printed it when it was made to fail. Texts are shortened where that does not matter,
 * and times in them are moved close to `nowMillis`. Put together from what the source describes, not quoted: the status lines of the
 * RFCs, the reset header of OpenRouter, the messages behind OpenCode's ProviderAuthError and ProviderModelNotFoundError, and the
 * entries without words, which are about the exit status or the HTTP status alone.
 */
import type { ErrorClass } from "@rdev/core/domain/ErrorClass"
import type { ExitStatus } from "@rdev/core/ports/infra/WorkspaceHost"

export const nowMillis = Date.UTC(2026, 0, 15, 12, 0, 0)

export interface Entry {
  readonly origin:
    | "anthropic"
    | "openai"
    | "openrouter"
    | "google"
    | "claude-code"
    | "opencode"
    | "codex"
    | "git"
    | "http"
    | "machine"
  readonly source: string
  readonly text: string
  readonly exit?: ExitStatus
  readonly status?: number
  /** Tag and the fields that matter. */
  readonly expect: Partial<ErrorClass> & Pick<ErrorClass, "_tag">
}

const at = (...time: Parameters<typeof Date.UTC>) => Date.UTC(...time)
const claude = (issue: number) => `https://github.com/anthropics/claude-code/issues/${issue}`
const codex = (issue: number) => `https://github.com/openai/codex/issues/${issue}`
const exited = (code: number): ExitStatus => ({ code, signal: null, reason: "exited" })

const anthropic: ReadonlyArray<Entry> = [
  {
    origin: "anthropic",
    source: claude(35792),
    text: 'API Error: 529 {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_011CZAau32QzxDkriovTaFCB"}',
    expect: { _tag: "RateLimited", retryAfterMillis: null }
  },
  {
    origin: "anthropic",
    source: claude(61365),
    text: "API Error: 529 Overloaded. This is a server-side issue, usually temporary — try again in a moment. If it persists, check status.claude.com.",
    expect: { _tag: "RateLimited", retryAfterMillis: null }
  },
  {
    origin: "anthropic",
    source: "https://github.com/missuo/claude2openai/pull/3",
    text: '{"type":"error","error":{"type":"rate_limit_error","message":"Number of requests has exceeded your per-minute rate limit (https://docs.anthropic.com/en/api/rate-limits); see the response headers for current usage. Please try again later or contact sales at https://www.anthropic.com/contact-sales to discuss your options for a rate limit increase."}}',
    expect: { _tag: "RateLimited", retryAfterMillis: null }
  },
  {
    origin: "anthropic",
    source: claude(54698),
    text: 'Error: 429 {"type":"error","error":{"type":"rate_limit_error","message":"This request would exceed your account\'s rate limit. Please try again later."},"request_id":"req_011CaYFzoBjAUaBYZZjpJHee"}',
    expect: { _tag: "RateLimited", retryAfterMillis: null }
  },
  {
    origin: "anthropic",
    source: "https://github.com/Wei-Shaw/claude-relay-service/issues/56",
    text: 'API Error (429 {"type":"error","error":{"type":"rate_limit_error","message":"This request would exceed your account\'s rate limit. Please try again later."}}) · Retrying in 2892 seconds… (attempt 1/10)',
    expect: { _tag: "RateLimited", retryAfterMillis: 2_892_000 }
  },
  {
    origin: "anthropic",
    source: claude(9694),
    text: 'Error: 401 {"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"},"request_id":"req_011CUBgWE2fdbDGiPKTUQTwy"}',
    expect: { _tag: "AuthFailed" }
  },
  {
    origin: "anthropic",
    source: claude(3240),
    text: 'API Error: 401 {"type":"error","error":{"type":"authentication_error","message":"Invalid OAuth token. The provided token was not found or is malformed."}}',
    expect: { _tag: "AuthFailed" }
  },
  {
    origin: "anthropic",
    source: "https://platform.claude.com/docs/en/api/errors",
    text: "403 - permission_error: Your API key does not have permission to use the specified resource.",
    expect: { _tag: "AuthFailed" }
  },
  {
    origin: "anthropic",
    source: claude(12186),
    text: 'Error: 400 {"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 208310 tokens > 200000 maximum"},"request_id":"req_011CVQe1dLrGNMJyE1ghG1av"}',
    expect: { _tag: "Invalid", field: "prompt" }
  },
  {
    origin: "anthropic",
    source: "https://github.com/daisuke-awaji/moca/issues/254",
    text: "ValidationException: The model returned the following errors: prompt is too long: 200049 tokens > 200000 maximum",
    expect: { _tag: "Invalid", field: "prompt" }
  },
  {
    origin: "anthropic",
    source: claude(14567),
    text: 'API Error: 413 {"error":{"type":"request_too_large","message":"Request exceeds the maximum size"}}',
    expect: { _tag: "Invalid", field: "prompt" }
  },
  {
    origin: "anthropic",
    source: claude(66314),
    text: 'Error: 400 {"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits."},"request_id":"req_011CbrFTcXhtiMzr3s6EocF7"}',
    expect: { _tag: "Budget" }
  },
  {
    origin: "anthropic",
    source: claude(38035),
    text: 'Error: 400 {"type":"error","error":{"type":"invalid_request_error","message":"You have reached your specified API usage limits. You will regain access on 2026-04-01 at 00:00 UTC."},"request_id":"req_011CZLrUfBVkVHn5T6EqQaf7"}',
    expect: { _tag: "AccountLimit", resetAtMillis: at(2026, 3, 1) }
  },
  {
    origin: "anthropic",
    source: claude(22785),
    text: 'API Error: 500 {"type":"error","error":{"type":"api_error","message":"Internal server error"},"request_id":"req_011CXmPDXt3akdhtqcAggngS"}',
    expect: { _tag: "Unknown" }
  },
  {
    origin: "anthropic",
    source: "https://platform.claude.com/docs/en/api/errors",
    text: "404 - not_found_error: The requested resource was not found.",
    expect: { _tag: "Invalid", field: "model" }
  },
  {
    origin: "anthropic",
    source: "https://www.developersdigest.tech/errors/api/anthropic-api/504-timeout-error",
    text: "504 timeout_error: The request timed out while processing.",
    expect: { _tag: "Timeout" }
  }
]

const claudeCode: ReadonlyArray<Entry> = [
  {
    origin: "claude-code",
    source: claude(2490),
    text: "Claude AI usage limit reached|1768492800",
    expect: { _tag: "AccountLimit", resetAtMillis: 1_768_492_800_000 }
  },
  {
    origin: "claude-code",
    source: claude(2490),
    text: "Claude usage limit reached. Your limit will reset at 3pm (America/Bogota).",
    expect: { _tag: "AccountLimit", resetAtMillis: at(2026, 0, 15, 20) }
  },
  {
    origin: "claude-code",
    source: claude(13632),
    text: "Limit reached · resets 11:30am (Asia/Calcutta) · /upgrade to Max or turn on /extra-usage",
    expect: { _tag: "AccountLimit", resetAtMillis: at(2026, 0, 16, 6) }
  },
  {
    origin: "claude-code",
    source: claude(81975),
    text: "You've hit your session limit · resets 12:50pm (Europe/Paris)",
    expect: { _tag: "AccountLimit", resetAtMillis: at(2026, 0, 16, 11, 50) }
  },
  {
    origin: "claude-code",
    source: claude(54698),
    text: "You've hit your limit · resets 1:30am (Asia/Dhaka)",
    expect: { _tag: "AccountLimit", resetAtMillis: at(2026, 0, 15, 19, 30) }
  },
  {
    origin: "claude-code",
    source: claude(6331),
    text: "Invalid API key · Please run /login",
    expect: { _tag: "AuthFailed" }
  },
  {
    origin: "claude-code",
    source: claude(9694),
    text: "Invalid API key · Fix external API key",
    expect: { _tag: "AuthFailed" }
  },
  {
    origin: "claude-code",
    source: claude(6331),
    text: 'Error: Could not resolve authentication method. Expected either apiKey or authToken to be set. Or for one of the "X-Api-Key" or "Authorization" headers to be explicitly omitted',
    expect: { _tag: "AuthFailed" }
  },
  { origin: "claude-code", source: claude(66314), text: "Credit balance is too low", expect: { _tag: "Budget" } },
  {
    origin: "claude-code",
    source: claude(62560),
    text: "Stop hook error: Hook evaluator API error: Prompt is too long",
    expect: { _tag: "Invalid", field: "prompt" }
  },
  {
    origin: "claude-code",
    source: claude(3100),
    text: "API Error: Claude Code is unable to respond to this request, which appears to violate our Usage Policy (https://www.anthropic.com/legal/aup). Please double press esc to edit your last message or start a new session for Claude Code to assist with a different task.",
    expect: { _tag: "PolicyDenied" }
  },
  {
    origin: "claude-code",
    source: "https://github.com/musistudio/claude-code-router/issues/766",
    text: "API Error (Connection error.) · Retrying in 4 seconds… (attempt 4/10) · API_TIMEOUT_MS=600000ms, try increasing it\n    ⎿  TypeError (fetch failed)",
    expect: { _tag: "Unknown" }
  },
  {
    origin: "claude-code",
    source: claude(89475),
    text: "Stream connection error (ECONNRESET)",
    expect: { _tag: "Unknown" }
  },
  {
    origin: "claude-code",
    source: claude(2167),
    exit: { code: null, signal: "SIGABRT", reason: "signal" },
    text: "<--- JS stacktrace --->\n\nFATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n 1: 0x79cb6660633c node::Abort() [/lib/x86_64-linux-gnu/libnode.so.109]",
    expect: { _tag: "ResourceExhausted", resource: "memory" }
  },
  {
    origin: "claude-code",
    source: claude(55469),
    text: "API key authentication is not sufficient. Please run /login to authenticate, or check your authentication status with /status.",
    expect: { _tag: "AuthFailed" }
  }
]

const openai: ReadonlyArray<Entry> = [
  {
    origin: "openai",
    source: "https://github.com/BuilderIO/micro-agent/issues/86",
    text: "429 Rate limit reached for gpt-4o in organization org-uOtiSEwvUnroadaOnJJquBEC on tokens per min (TPM): Limit 30000, Used 29937, Requested 385. Please try again in 644ms.",
    expect: { _tag: "RateLimited", retryAfterMillis: 644 }
  },
  {
    origin: "openai",
    source: "https://github.com/semanser/codel/issues/72",
    text: "API returned unexpected status code: 429: Rate limit reached for gpt-4o in organization XXXXXXXXX on tokens per min (TPM): Limit 30000, Used 14567, Requested 24754. Please try again in 18.642s. Visit https://platform.openai.com/account/rate-limits to learn more.",
    expect: { _tag: "RateLimited", retryAfterMillis: 18_642 }
  },
  {
    origin: "openai",
    source: "https://github.com/TheR1D/shell_gpt/issues/653",
    text: "RateLimitError: Error code: 429 - {'error': {'message': 'Request too large for gpt-4o in organization org-78asdf87asdf9aaa8976 on tokens per min (TPM): Limit 30000, Requested 31538. The input or output tokens must be reduced in order to run successfully. Visit https://platform.openai.com/account/rate-limits to learn more.', 'type': 'tokens', 'param': None, 'code': 'rate_limit_exceeded'}}",
    expect: { _tag: "Invalid", field: "prompt" }
  },
  {
    origin: "openai",
    source: "https://github.com/ChatGPTNextWeb/NextChat/issues/3123",
    text: '{\n  "error": {\n    "message": "You exceeded your current quota, please check your plan and billing details.",\n    "type": "insufficient_quota",\n    "param": null,\n    "code": "insufficient_quota"\n  }\n}',
    status: 429,
    expect: { _tag: "Budget" }
  },
  {
    origin: "openai",
    source: "https://github.com/webtimemachine/wtm2/issues/579",
    text: "Error: 400 This model's maximum context length is 128000 tokens. However, your messages resulted in 204308 tokens. Please reduce the length of the messages.",
    expect: { _tag: "Invalid", field: "prompt" }
  },
  {
    origin: "openai",
    source: "https://github.com/continuedev/continue/issues/9634",
    text: "401 Incorrect API key provided: sk-proj-****MxYA. You can find your API key at https://platform.openai.com/account/api-keys.",
    expect: { _tag: "AuthFailed" }
  },
  {
    origin: "openai",
    source: "https://github.com/home-assistant/core/issues/120072",
    text: "Sorry, I had a problem talking to OpenAI: Error code: 403 - {'error': {'code': 'unsupported_country_region_territory', 'message': 'Country, region, or territory not supported', 'param': None, 'type': 'request_forbidden'}}",
    expect: { _tag: "AuthFailed" }
  },
  {
    origin: "openai",
    source: "https://github.com/waylaidwanderer/node-chatgpt-api/issues/34",
    text: 'HTTP 503 - {"error":{"message":"That model is currently overloaded with other requests. You can retry your request, or contact us through our help center at help.openai.com if the error persists.","type":"server_error","param":null,"code":null}}',
    expect: { _tag: "RateLimited" }
  },
  {
    origin: "openai",
    source: "https://github.com/acheong08/ChatGPT/issues/607",
    text: 'openai.error.APIError: The server experienced an error while processing your request. Sorry about that! You can retry your request, or contact us through our help center at help.openai.com if the error persists. {"error":{"type":"server_error","param":null,"code":null}}',
    expect: { _tag: "Unknown" }
  },
  {
    origin: "openai",
    source: "https://github.com/rd-1-2022/ai-openai-helloworld/issues/9",
    text: '404 - {"error":{"message":"The model `gpt-4o` does not exist or you do not have access to it.","type":"invalid_request_error","param":null,"code":"model_not_found"}}',
    expect: { _tag: "Invalid", field: "model" }
  },
  {
    origin: "openai",
    source: codex(38849),
    text: "Invalid prompt: your prompt was flagged as potentially violating our usage policy. Please try again with a different prompt: https://platform.openai.com/docs/guides/reasoning#advice-on-prompting",
    expect: { _tag: "PolicyDenied" }
  }
]

const routers: ReadonlyArray<Entry> = [
  {
    origin: "openrouter",
    source: "https://github.com/Gitlawb/openclaude/issues/936",
    text: '429 {"error":{"message":"Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests per day","code":429,"metadata":{"headers":{"X-RateLimit-Limit":"50","X-RateLimit-Remaining":"0","X-RateLimit-Reset":"1768521600000"}}}}',
    expect: { _tag: "AccountLimit", resetAtMillis: 1_768_521_600_000 }
  },
  {
    origin: "openrouter",
    source: "https://github.com/cline/cline/issues/5301",
    text: "429 Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests per day",
    expect: { _tag: "AccountLimit", resetAtMillis: at(2026, 0, 16) }
  },
  {
    origin: "openrouter",
    source: "https://github.com/astrio-labs/forall/issues/76",
    text: '{"error":{"message":"This request requires more credits, or fewer max_tokens. You requested up to 64000 tokens, but can only afford 2666. To increase, visit https://openrouter.ai/settings/credits and upgrade to a paid account","code":402,"metadata":{"provider_name":null}}}',
    expect: { _tag: "Budget" }
  },
  {
    origin: "openrouter",
    source: "https://github.com/Alishahryar1/free-claude-code/issues/772",
    text: '{"error":{"message":"Insufficient credits. This account never purchased credits. Make sure your key is on the correct account or org, and if so, purchase more at https://openrouter.ai/settings/credits","code":402}}',
    expect: { _tag: "Budget" }
  },
  {
    origin: "openrouter",
    source: "https://github.com/musistudio/claude-code-router/issues/227",
    text: '{"error":{"message":"No auth credentials found","code":401}}',
    expect: { _tag: "AuthFailed" }
  },
  {
    origin: "openrouter",
    source: "https://github.com/vyancharuk/nodejs-api-boilerplate/issues/16",
    text: "No endpoints found for nousresearch/hermes-3-llama-3.1-405b:free.",
    expect: { _tag: "Invalid", field: "model" }
  },
  {
    origin: "openrouter",
    source: "https://github.com/HKUDS/nanobot/issues/842",
    text: 'litellm.BadRequestError: OpenrouterException - {"error":{"message":"This endpoint\'s maximum context length is 256000 tokens. However, you requested about 264544 tokens (3522 of text input, 1022 of tool input, 260000 in the output). Please reduce the length of either one, or use the \\"middle-out\\" transform to compress your prompt automatically.","code":400,"metadata":{"provider_name":null}}}',
    expect: { _tag: "Invalid", field: "prompt" }
  },
  {
    origin: "google",
    source: "https://github.com/google-gemini/gemini-cli/issues/5191",
    text: '[API Error: got status: UNAVAILABLE. {"error":{"code":503,"message":"The model is overloaded. Please try again later.","status":"UNAVAILABLE"}}]',
    expect: { _tag: "RateLimited" }
  },
  {
    origin: "google",
    source: "https://github.com/google-gemini/gemini-cli/issues/1811",
    text: '[API Error: [{"error":{"code":429,"message":"Resource has been exhausted (e.g. check quota).","errors":[{"message":"Resource has been exhausted (e.g. check quota).","domain":"global","reason":"rateLimitExceeded"}],"status":"RESOURCE_EXHAUSTED"}}]]',
    expect: { _tag: "RateLimited" }
  }
]

const openCode: ReadonlyArray<Entry> = [
  {
    origin: "opencode",
    source: "https://github.com/anomalyco/opencode/issues/14252",
    text: 'Error: Unauthorized: {"error":{"message":"User not found.","code":401}}data: {"choices":[],"cost":"0"}',
    expect: { _tag: "AuthFailed" }
  },
  {
    origin: "opencode",
    source: "https://github.com/anomalyco/opencode/issues/14252",
    text: "Upstream error from Minimax: insufficient balance (1008)",
    expect: { _tag: "Budget" }
  },
  {
    origin: "opencode",
    source: "https://github.com/anomalyco/opencode/issues/916",
    text: "ProviderModelNotFoundError: Model not found: openrouter/mistralai/mixtral-8x7b-instruct",
    expect: { _tag: "Invalid", field: "model" }
  },
  {
    origin: "opencode",
    source: "https://github.com/anomalyco/opencode/issues/12436",
    text: "AI_APICallError: No cookie auth credentials found",
    expect: { _tag: "AuthFailed" }
  },
  {
    origin: "opencode",
    source: "https://github.com/stackblitz-labs/bolt.diy/issues/401",
    text: "APICallError [AI_APICallError]: prompt is too long: 202609 tokens > 200000 maximum",
    expect: { _tag: "Invalid", field: "prompt" }
  },
  {
    origin: "opencode",
    source: "https://github.com/omnigent-ai/omnigent/issues/1549",
    text: "ProviderAuthError: Invalid API key for provider anthropic",
    expect: { _tag: "AuthFailed" }
  }
]

const codexCli: ReadonlyArray<Entry> = [
  {
    origin: "codex",
    source: codex(3899),
    text: "You've hit your usage limit. Upgrade to Pro (https://openai.com/chatgpt/pricing) or try again in 5 days 22 hours 11 minutes.",
    expect: { _tag: "AccountLimit", resetAtMillis: nowMillis + ((5 * 24 + 22) * 60 + 11) * 60_000 }
  },
  {
    origin: "codex",
    source: codex(3257),
    text: "You've hit your usage limit. Try again in 4 days 20 hours 9 minutes.",
    expect: { _tag: "AccountLimit", resetAtMillis: nowMillis + ((4 * 24 + 20) * 60 + 9) * 60_000 }
  },
  {
    origin: "codex",
    source: codex(26668),
    text: "You've hit your usage limit. Upgrade to Plus to continue using Codex (https://chatgpt.com/explore/plus), or try again at Jul 5th, 2026 8:19 PM.",
    expect: { _tag: "AccountLimit", resetAtMillis: at(2026, 6, 5, 20, 19) }
  },
  {
    origin: "codex",
    source: codex(30206),
    text: "You have reached your usage limit. Upgrade your plan or add credits to continue, or try again after July 3, 2026 at 2:45 PM.",
    expect: { _tag: "AccountLimit", resetAtMillis: at(2026, 6, 3, 14, 45) }
  },
  {
    origin: "codex",
    source: "https://github.com/earendil-works/pi/issues/4172",
    text: 'Codex error: {"type":"error","error":{"type":"usage_limit_reached","message":"The usage limit has been reached","plan_type":"plus","resets_at":1777936568,"eligible_promo":null,"resets_in_seconds":13872},"status_code":429}',
    expect: { _tag: "AccountLimit", resetAtMillis: 1_777_936_568_000 }
  },
  {
    origin: "codex",
    source: codex(26057),
    text: "exceeded retry limit, last status: 429 Too Many Requests, request id: c6346410-8a50-495b-b711-08c6e4147c43",
    expect: { _tag: "RateLimited", retryAfterMillis: null }
  },
  {
    origin: "codex",
    source: codex(12207),
    text: "stream disconnected before completion: error sending request for url (https://chatgpt.com/backend-api/codex/responses)",
    expect: { _tag: "Unknown" }
  },
  {
    origin: "codex",
    source: "https://github.com/ding113/claude-code-hub/issues/938",
    text: "stream disconnected before completion: stream closed before response.completed",
    expect: { _tag: "Unknown" }
  },
  {
    origin: "codex",
    source: codex(41895),
    text: "stream disconnected before completion: An error occurred while processing your request. You can retry your request, or contact us through our help center at help.openai.com if the error persists. Please include the request ID cfaf2c7c-7a57-4817-92fc-4e18058311df in your message.",
    expect: { _tag: "Unknown" }
  },
  {
    origin: "codex",
    source: codex(33664),
    text: "unexpected status 401 Unauthorized: Missing scopes: api.responses.write",
    expect: { _tag: "AuthFailed" }
  },
  {
    origin: "codex",
    source: codex(6028),
    text: "Failed to refresh token: 401 Unauthorized: Your refresh token has already been used to generate a new access token. Please try signing in again.",
    expect: { _tag: "AuthFailed" }
  },
  { origin: "codex", source: codex(10617), text: "Error: Token refresh failed: 401", expect: { _tag: "AuthFailed" } }
]

const git: ReadonlyArray<Entry> = [
  {
    origin: "git",
    source: "https://github.com/rtyley/bfg-repo-cleaner/issues/351",
    text: " ! [rejected]        master -> master (non-fast-forward)\nerror: failed to push some refs to 'https://example.org/home.git'\nhint: Updates were rejected because the tip of your current branch is behind\nhint: its remote counterpart.",
    expect: { _tag: "Conflict" }
  },
  {
    origin: "git",
    source: "https://github.com/mikeizbicki/ucr-cs100/issues/269",
    text: " ! [rejected]        master -> master (fetch first)\nerror: failed to push some refs to 'https://example.org/home.git'",
    expect: { _tag: "Conflict" }
  },
  {
    origin: "git",
    source: "observed: git 2.39 merge",
    text: "Auto-merging f\nCONFLICT (content): Merge conflict in f\nAutomatic merge failed; fix conflicts and then commit the result.",
    expect: { _tag: "Conflict" }
  },
  {
    origin: "git",
    source: "observed: git 2.39 add beside a running one",
    text: "fatal: Unable to create '/tmp/x/.git/index.lock': File exists.\n\nAnother git process seems to be running in this repository, e.g.",
    expect: { _tag: "Conflict" }
  },
  {
    origin: "git",
    source: "https://github.com/actions/checkout/issues/641",
    text: "fatal: could not read Username for 'https://github.com': terminal prompts disabled",
    exit: exited(128),
    expect: { _tag: "AuthFailed" }
  },
  {
    origin: "git",
    source: "https://github.com/131/h264-live-player/issues/59",
    text: "git@github.com: Permission denied (publickey).\nfatal: Could not read from remote repository.",
    expect: { _tag: "AuthFailed" }
  },
  {
    origin: "git",
    source: "https://github.com/lil-lab/ciff/issues/14",
    text: "remote: Repository not found.\nfatal: repository 'https://github.com/clic-lab/instruction-following-framework.git/' not found",
    expect: { _tag: "Invalid", field: "repository" }
  },
  {
    origin: "git",
    source: "https://github.com/SageMathOER-CCC/sage-discrete-math/issues/84",
    text: "remote: error: GH006: Protected branch update failed for refs/heads/main.\nremote: error: Changes must be made through a pull request.\n ! [remote rejected] main -> main (protected branch hook declined)",
    expect: { _tag: "PolicyDenied" }
  },
  {
    origin: "git",
    source: "https://github.com/go-gitea/gitea/issues/12584",
    text: "error: RPC failed; curl 18 transfer closed with outstanding read data remaining\nfatal: the remote end hung up unexpectedly\nfatal: early EOF\nfatal: index-pack failed",
    expect: { _tag: "Unknown" }
  },
  {
    origin: "git",
    source: "observed: git 2.39 clone without a network",
    text: "fatal: unable to access 'https://example.invalid/x.git/': Could not resolve host: example.invalid",
    expect: { _tag: "Unknown" }
  },
  {
    origin: "git",
    source: "observed: git 2.39 outside a repository",
    text: "fatal: not a git repository (or any of the parent directories): .git",
    expect: { _tag: "Invalid", field: "repository" }
  }
]

const http: ReadonlyArray<Entry> = [
  {
    origin: "http",
    source: "observed: Node 24 fetch",
    text: "TypeError: fetch failed\n  [cause]: Error: connect ECONNREFUSED 127.0.0.1:59999",
    expect: { _tag: "Unknown" }
  },
  {
    origin: "http",
    source: "https://github.com/Wei-Shaw/claude-relay-service/issues/56",
    text: "Error: socket hang up\n    at connResetException (node:internal/errors:720:14)",
    expect: { _tag: "Unknown" }
  },
  { origin: "http", source: "observed: Node 24 http", text: "Error: read ECONNRESET", expect: { _tag: "Unknown" } },
  {
    origin: "http",
    source: claude(39757),
    text: "AxiosError: timeout of 5000ms exceeded",
    expect: { _tag: "Timeout" }
  },
  { origin: "http", source: "RFC 9110, 15.6.5", text: "504 Gateway Timeout", expect: { _tag: "Timeout" } },
  { origin: "http", source: "RFC 9110, 15.6.3", text: "502 Bad Gateway", expect: { _tag: "Unknown" } },
  {
    origin: "http",
    source: "RFC 6585, 4",
    text: "HTTP/1.1 429 Too Many Requests\nRetry-After: 3600",
    expect: { _tag: "RateLimited", retryAfterMillis: 3_600_000 }
  },
  {
    origin: "http",
    source: "RFC 9110, 15.6.4",
    text: "HTTP/1.1 503 Service Unavailable\nRetry-After: 120",
    expect: { _tag: "RateLimited", retryAfterMillis: 120_000 }
  },
  { origin: "http", source: "a status with an empty body", text: "", status: 401, expect: { _tag: "AuthFailed" } },
  { origin: "http", source: "a status with an empty body", text: "", status: 529, expect: { _tag: "RateLimited" } },
  {
    origin: "http",
    source: "a status with an empty body",
    text: "",
    status: 418,
    expect: { _tag: "Invalid", field: "request" }
  }
]

const machine: ReadonlyArray<Entry> = [
  {
    origin: "machine",
    source: "observed: Node 24 on a full disk",
    text: "Error: ENOSPC: no space left on device, write",
    exit: exited(1),
    expect: { _tag: "ResourceExhausted", resource: "disk" }
  },
  {
    origin: "machine",
    source: "observed: bash on a full disk",
    text: "bash: echo: write error: No space left on device",
    expect: { _tag: "ResourceExhausted", resource: "disk" }
  },
  {
    origin: "machine",
    source: "observed: tar on a full disk",
    text: "tar: /dev/full: Cannot write: No space left on device\ntar: Error is not recoverable: exiting now",
    expect: { _tag: "ResourceExhausted", resource: "disk" }
  },
  {
    origin: "machine",
    source: "kernel OOM killer",
    text: "",
    exit: { code: null, signal: "SIGKILL", reason: "signal" },
    expect: { _tag: "ResourceExhausted", resource: "memory" }
  },
  {
    origin: "machine",
    source: "kernel OOM killer, seen through a shell",
    text: "Killed",
    exit: exited(137),
    expect: { _tag: "ResourceExhausted", resource: "memory" }
  },
  {
    origin: "machine",
    source: "a workspace with a memory limit",
    text: "429 too many requests",
    exit: { code: null, signal: "SIGKILL", reason: "oom" },
    expect: { _tag: "ResourceExhausted", resource: "memory" }
  },
  {
    origin: "machine",
    source: "observed: bash at its process limit",
    text: "bash: fork: retry: Resource temporarily unavailable",
    expect: { _tag: "ResourceExhausted", resource: "processes" }
  },
  {
    origin: "machine",
    source: "observed: Node 24 at its file limit",
    text: "Error: EMFILE: too many open files, open '/etc/passwd'",
    expect: { _tag: "ResourceExhausted", resource: "files" }
  },
  {
    origin: "machine",
    source: "the run's own limit",
    text: "still working",
    exit: { code: null, signal: "SIGTERM", reason: "timeout" },
    expect: { _tag: "Timeout", afterMillis: 60_000 }
  },
  {
    origin: "machine",
    source: "a lost connection to the workspace",
    text: "",
    exit: { code: null, signal: null, reason: "connection_lost" },
    expect: { _tag: "Unknown" }
  },
  {
    origin: "machine",
    source: "observed: dash",
    text: "dash: 1: claude-nope: not found",
    exit: exited(127),
    expect: { _tag: "Invalid", field: "argv" }
  },
  {
    origin: "machine",
    source: "an agent that gave up",
    text: "I could not make the tests pass.",
    exit: exited(1),
    expect: { _tag: "AgentFault" }
  },
  {
    origin: "machine",
    source: "an agent that said nothing",
    text: "",
    exit: exited(70),
    expect: { _tag: "AgentFault" }
  }
]

export const corpus: ReadonlyArray<Entry> = [
  ...anthropic,
  ...claudeCode,
  ...openai,
  ...routers,
  ...openCode,
  ...codexCli,
  ...git,
  ...http,
  ...machine
]
