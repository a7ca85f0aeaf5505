/**
 * What a browser is told about everything the API answers: to run nothing of it, show it in no frame, and hand it to no other origin, such as
 * the pages of a project under the same domain.
 */
import { createHash } from "node:crypto"

export const everywhere: Readonly<Record<string, string>> = {
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY"
}

const scriptsIn = (html: string): ReadonlyArray<string> =>
  [...html.matchAll(/<script(?![^>]*\bsrc=)[^>]*>([\s\S]*?)<\/script>/gi)].map((found) => found[1] ?? "")

/** A page of ours: exactly the scripts that stand in it may run, and it may speak to this server alone. */
export const ofPage = (html: string): string => {
  const scripts = scriptsIn(html).map((script) => `'sha256-${createHash("sha256").update(script).digest("base64")}'`)
  return [
    "default-src 'none'",
    ...(scripts.length === 0 ? [] : [`script-src ${scripts.join(" ")}`, "connect-src 'self'"]),
    "style-src 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self' data:",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'"
  ].join("; ")
}
