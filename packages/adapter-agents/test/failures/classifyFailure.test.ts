import { describe, expect, it } from "vitest"
import { classifyFailure, unstatedResetMillis } from "../../src/failures/classifyFailure.ts"
import { resetMillis, waitMillis } from "../../src/failures/ResetTime.ts"
import { corpus, nowMillis } from "./corpus.ts"

const classify = (text: string, rest: Partial<Parameters<typeof classifyFailure>[0]> = {}) =>
  classifyFailure({ text, nowMillis, timeoutMillis: 60_000, ...rest })

describe("corpus of real messages", () => {
  it.each(
    corpus.map((entry, index) => ({
      ...entry,
      label: `${index + 1} ${entry.origin}: ${entry.text.slice(0, 70).replace(/\s+/g, " ") || entry.source}`
    }))
  )("$label", (entry) => {
    const { exit, status } = entry
    const reason = classify(entry.text, {
      ...(exit === undefined ? {} : { exit }),
      ...(status === undefined ? {} : { status })
    })
    expect(reason).toMatchObject(entry.expect)
    expect(reason.message.length).toBeGreaterThan(0)
    expect(reason.message.length).toBeLessThanOrEqual(520)
  })
  it("is large, cites a source for every text, and holds every class that a provider can cause", () => {
    expect(corpus.length).toBeGreaterThanOrEqual(100)
    expect(corpus.filter((entry) => entry.source === "")).toEqual([])
    const tags = new Set(corpus.map((entry) => entry.expect._tag))
    for (const tag of [
      "RateLimited",
      "AccountLimit",
      "AuthFailed",
      "Timeout",
      "ResourceExhausted",
      "Conflict",
      "Invalid",
      "PolicyDenied",
      "Budget",
      "AgentFault",
      "Unknown"
    ])
      expect(tags).toContain(tag)
  })
})

describe("classifyFailure", () => {
  it("names the gate of the account that is limited", () => {
    expect(classify("429 too many requests", { gate: "claude" })).toMatchObject({ _tag: "RateLimited", gate: "claude" })
    expect(classify("usage limit reached", { gate: "claude" })).toEqual({
      _tag: "AccountLimit",
      gate: "claude",
      message: "usage limit reached",
      resetAtMillis: nowMillis + unstatedResetMillis
    })
  })
  it("takes the line that says why as the message", () => {
    expect(classify("building\nError: ENOSPC: no space left on device, write\n    at x").message).toBe(
      "Error: ENOSPC: no space left on device, write"
    )
  })
  it("says how the agent ended when it did not say why", () => {
    expect(classify("", { exit: { code: 3, signal: null, reason: "exited" } }).message).toBe(
      "the agent printed nothing and ended with exit code 3"
    )
  })
  it("is total and quick on any text", () => {
    for (const text of [
      "",
      "\n",
      "a".repeat(1_000_000),
      "try again in ".repeat(50_000),
      "resets ".repeat(50_000),
      "429 ".repeat(50_000),
      "\u0000\ud800"
    ]) {
      expect(classify(text)._tag).toMatch(/^[A-Z]/)
    }
  })
})

describe("times in messages", () => {
  it.each([
    ["Please try again in 6m0s.", 360_000],
    ["try again in 1h2m3.5s", 3_723_500],
    ["retry after 30 seconds", 30_000],
    ["retry-after: 2", 2_000],
    ['"retry-after-ms": "750"', 750],
    ["Please try again in 20 minutes and 5 seconds", 1_205_000],
    ["try again later", null],
    ["try again in a moment", null]
  ] as const)("%s", (text, wait) => {
    expect(waitMillis(text)).toBe(wait)
  })
  it.each([
    ["resets 3pm (Europe/Berlin)", "2026-01-15T14:00:00.000Z"],
    ["resets 9am", "2026-01-16T09:00:00.000Z"],
    ["resets Oct 6, 1pm (UTC)", "2026-10-06T13:00:00.000Z"],
    ["resets Jan 2 at 1pm (UTC)", "2027-01-02T13:00:00.000Z"],
    ["resets 3pm (Nowhere/Land)", "2026-01-15T15:00:00.000Z"],
    ["Retry at 2026-02-01T10:00:00Z", "2026-02-01T10:00:00.000Z"],
    ["resets_in_seconds: 60", "2026-01-15T12:01:00.000Z"]
  ] as const)("%s", (text, iso) => {
    expect(new Date(resetMillis(text, nowMillis) ?? 0).toISOString()).toBe(iso)
  })
  it("reads a clock time on the day the clocks change", () => {
    expect(new Date(resetMillis("resets 4am (Europe/Berlin)", Date.UTC(2026, 2, 28, 23, 30)) ?? 0).toISOString()).toBe(
      "2026-03-29T02:00:00.000Z"
    )
  })
  it("says nothing where nothing is stated", () => {
    expect(resetMillis("usage limit reached, see your plan of 2024", nowMillis)).toBeNull()
  })
})
