/** What the edge answers in its own name: why there is nothing else. */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http"
import type { Duplex } from "node:stream"

const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)

/** Of pages that are the platform's own; a project's pages say their own. */
const ownPage = {
  "content-security-policy":
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer"
}

export interface Refusal {
  readonly status: number
  readonly code: string
  readonly title: string
  readonly detail: string
  readonly headers?: OutgoingHttpHeaders
}
export const problem = (
  request: IncomingMessage,
  response: ServerResponse,
  { status, code, title, detail, headers }: Refusal
) => {
  if (response.headersSent) return void response.destroy()
  const html = (request.headers.accept ?? "").includes("text/html")
  const body = html
    ? `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title><body style="font:16px/1.5 system-ui;margin:4rem auto;max-width:40rem;padding:0 1rem"><h1>${escapeHtml(title)}</h1><p>${escapeHtml(detail)}</p></body></html>\n`
    : `${JSON.stringify({ type: `urn:rdev:problem:${code}`, title, status, detail, code, request_id: request.headers["x-request-id"] ?? null })}\n`
  response.writeHead(status, {
    ...headers,
    "content-type": html ? "text/html; charset=utf-8" : "application/problem+json",
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
    ...ownPage
  })
  response.end(request.method === "HEAD" ? undefined : body)
}

export const refuseUpgrade = (socket: Duplex, status: string, headers = "") =>
  void socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\n${headers}content-length: 0\r\n\r\n`)
