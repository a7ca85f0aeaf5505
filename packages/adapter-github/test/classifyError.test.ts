import { assert, describe, it } from "@effect/vitest"
import type { PortReason } from "@rdev/core/ports/infra/PortReason"
import { classifyError, clean, type Refusal } from "../src/classifyError.ts"

const now = 1_700_000_000_000
const refusal = (told: Partial<Refusal>): Refusal => ({
  route: "GET /x",
  host: "api.github.com",
  status: 500,
  headers: {},
  body: {},
  problem: "",
  ...told
})
const message = (text: string, errors?: ReadonlyArray<unknown>) => ({
  message: text,
  ...(errors === undefined ? {} : { errors })
})

const table: ReadonlyArray<readonly [Partial<Refusal>, PortReason["_tag"], number | null | RegExp]> = [
  [{ status: null, problem: "fetch failed (ECONNRESET)" }, "Unavailable", /ECONNRESET/],
  [{ status: 500 }, "Unavailable", /500/],
  [{ status: 502, body: "<html>" }, "Unavailable", /502/],
  [{ status: 503, headers: { "retry-after": "5" } }, "Unavailable", /503/],
  [{ status: 401, body: message("Bad credentials") }, "Unauthorized", /Bad credentials.*clock/],
  [{ status: 403, body: message("Must have admin rights to Repository.") }, "Unauthorized", /permissions/],
  [
    {
      status: 403,
      body: message("Resource not accessible by integration"),
      headers: { "x-accepted-github-permissions": "administration=write" }
    },
    "Unauthorized",
    /administration=write/
  ],
  [
    { status: 403, body: message("Resource protected by organization SAML enforcement.") },
    "Unauthorized",
    /single sign-on/
  ],
  [
    { status: 403, body: message("Upgrade to GitHub Pro or make this repository public to enable this feature.") },
    "Unsupported",
    /plan/
  ],
  [{ status: 403, body: message("Repository was archived so is read-only.") }, "Conflict", /unarchive/],
  [
    {
      status: 403,
      body: message("API rate limit exceeded for installation ID 77."),
      headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(now / 1000 + 90) }
    },
    "RateLimited",
    90_000
  ],
  [
    { status: 429, headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(now / 1000 - 5) } },
    "RateLimited",
    1_000
  ],
  [
    { status: 403, body: message("You have exceeded a secondary rate limit."), headers: { "retry-after": "17" } },
    "RateLimited",
    17_000
  ],
  [{ status: 403, body: message("You have exceeded a secondary rate limit.") }, "RateLimited", 60_000],
  [{ status: 403, body: message("You have triggered an abuse detection mechanism.") }, "RateLimited", 60_000],
  [{ status: 429 }, "RateLimited", 60_000],
  [{ status: 429, headers: { "retry-after": new Date(now + 30_000).toUTCString() } }, "RateLimited", 30_000],
  [{ status: 429, headers: { "retry-after": "soon" } }, "RateLimited", 60_000],
  [{ status: 404, body: message("Not Found") }, "NotFound", /Not Found/],
  [{ status: 410, body: message("Issues are disabled for this repo") }, "NotFound", /disabled/],
  [{ status: 301 }, "Conflict", /another place/],
  [{ status: 307 }, "Conflict", /renamed/],
  [{ status: 405, body: message("Pull Request is not mergeable") }, "Conflict", /not mergeable/],
  [
    {
      status: 405,
      body: message("Repository rule violations found", ["Changes must be made through the merge queue"])
    },
    "Unsupported",
    /add the pull request to the queue/
  ],
  [{ status: 409, body: message("Head branch was modified. Review and try the merge again.") }, "Conflict", /modified/],
  [
    {
      status: 422,
      body: message("Repository creation failed.", [
        { resource: "Repository", code: "custom", field: "name", message: "name already exists on this account" }
      ])
    },
    "AlreadyExists",
    /on this account/
  ],
  [
    { status: 422, body: message("Validation Failed", [{ resource: "Label", code: "already_exists", field: "name" }]) },
    "AlreadyExists",
    /Label name/
  ],
  [{ status: 422, body: message("No commit found for SHA: 111") }, "NotFound", /111/],
  [
    {
      status: 422,
      body: message("Validation Failed", [
        {
          resource: "Status",
          code: "custom",
          message: "This SHA and context has reached the maximum number of statuses."
        }
      ])
    },
    "ResourceExhausted",
    /maximum/
  ],
  [
    { status: 422, body: message("Validation Failed", [{ message: "No commits between main and topic" }]) },
    "Conflict",
    /No commits/
  ],
  [
    { status: 422, body: message("Validation Failed", [{ resource: "PullRequest", code: "invalid", field: "head" }]) },
    "Invalid",
    /head invalid/
  ],
  [{ status: 422, body: message("was submitted too quickly") }, "RateLimited", 60_000],
  [{ status: 422, body: null }, "Invalid", /422/],
  [{ status: 400, body: message("Problems parsing JSON") }, "Invalid", /JSON/],
  [{ status: 451, body: message("Repository access blocked") }, "Unauthorized", /blocked/],
  [{ status: 418 }, "Unknown", /418/]
]

describe("classifyError", () => {
  it("says of every answer what it means", () => {
    for (const [told, tag, detail] of table) {
      const reason = classifyError(refusal(told), now)
      const which = JSON.stringify(told)
      assert.strictEqual(reason._tag, tag, which)
      if (detail instanceof RegExp) assert.match(Reflect.get(reason, "message"), detail, which)
      else assert.strictEqual(reason._tag === "RateLimited" ? reason.retryAfterMillis : -1, detail, which)
    }
  })
  it("names the request for GitHub's support", () => {
    const reason = classifyError(refusal({ status: 500, headers: { "x-github-request-id": "C0FE:1" } }), now)
    assert.include(Reflect.get(reason, "message"), "request C0FE:1")
  })
  it("repeats no credential, whatever was answered", () => {
    const secrets = [
      "ghs_abcdefghijklmnopqrstuvwxyz0123456789",
      "ghs_12345_eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIxIn0.c2lnbmF0dXJl",
      "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
      "github_pat_11AAAAAAA0123456789_abcdefghij",
      "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIxIn0.c2lnbmF0dXJl"
    ]
    for (const secret of secrets) {
      const text = clean(`x ${secret}, https://x-access-token:${secret}@github.com/a/b.git "${secret}"`)
      for (const part of secret.split(/[._]/)) if (part.length > 8) assert.notInclude(text, part, secret)
    }
    assert.isAtMost(clean("x".repeat(10_000)).length, 500)
  })
})
