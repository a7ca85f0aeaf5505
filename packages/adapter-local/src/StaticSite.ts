/**
 * Serves a folder over HTTP: content types, index.html, clean URLs, 404.html, ETag with 304, one byte range, HEAD. Never anything
 * outside the folder, no dot files, no links that lead out.
 */
import { createReadStream } from "node:fs"
import { realpath, stat } from "node:fs/promises"
import type { IncomingMessage, ServerResponse } from "node:http"
import { extname, join, sep } from "node:path"
import { pipeline } from "node:stream/promises"

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8", ".htm": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8", ".json": "application/json; charset=utf-8", ".map": "application/json; charset=utf-8", ".txt": "text/plain; charset=utf-8",
  ".md": "text/markdown; charset=utf-8", ".xml": "application/xml; charset=utf-8", ".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg",
  ".gif": "image/gif", ".webp": "image/webp", ".avif": "image/avif", ".ico": "image/x-icon", ".woff": "font/woff", ".woff2": "font/woff2", ".ttf": "font/ttf",
  ".otf": "font/otf", ".mp4": "video/mp4", ".webm": "video/webm", ".mp3": "audio/mpeg", ".ogg": "audio/ogg", ".wav": "audio/wav", ".pdf": "application/pdf",
  ".wasm": "application/wasm", ".zip": "application/zip", ".gz": "application/gzip", ".webmanifest": "application/manifest+json", ".csv": "text/csv; charset=utf-8"
}
export const contentType = (path: string): string => types[extname(path).toLowerCase()] ?? "application/octet-stream"

/** The decoded segments of a URL's path, or null when it must not be looked up. */
export const segments = (url: string): ReadonlyArray<string> | null => {
  const [path = ""] = url.split(/[?#]/, 1)
  let decoded: string
  try {
    decoded = decodeURIComponent(path)
  } catch {
    return null
  }
  // eslint-disable-next-line no-control-regex -- control characters are what is refused here
  if (/[\u0000-\u001f\u007f\\]/.test(decoded)) return null
  const parts = decoded.split("/").filter((part) => part !== "")
  return parts.some((part) => part.startsWith(".") && part !== ".well-known") ? null : parts
}

export interface Found { readonly path: string; readonly sizeBytes: number; readonly mtimeMillis: number }
export type Lookup = { readonly kind: "file"; readonly file: Found } | { readonly kind: "redirect"; readonly to: string } | { readonly kind: "missing" }

const plainFile = async (root: string, path: string): Promise<Found | "folder" | null> => {
  try {
    const real = await realpath(path)
    if (real !== root && !real.startsWith(root + sep)) return null
    const found = await stat(real)
    return found.isDirectory() ? "folder" : found.isFile() ? { path: real, sizeBytes: found.size, mtimeMillis: Math.floor(found.mtimeMs) } : null
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && ["ENOENT", "ENOTDIR", "ENAMETOOLONG", "ELOOP", "EACCES"].includes(String(cause.code))) return null
    throw cause
  }
}

export const lookUp = async (root: string, url: string): Promise<Lookup> => {
  const parts = segments(url)
  if (parts === null) return { kind: "missing" }
  const real = await realpath(root)
  const path = join(real, ...parts)
  const slash = /\/(?:[?#]|$)/.test(url) || parts.length === 0
  const found = await plainFile(real, path)
  if (found === "folder") {
    const index = await plainFile(real, join(path, "index.html"))
    if (index === null || index === "folder") return { kind: "missing" }
    const query = url.includes("?") ? url.slice(url.indexOf("?")) : ""
    return slash ? { kind: "file", file: index } : { kind: "redirect", to: `/${parts.map(encodeURIComponent).join("/")}/${query}` }
  }
  if (found !== null) return slash ? { kind: "missing" } : { kind: "file", file: found }
  const clean = slash ? null : await plainFile(real, `${path}.html`)
  return clean === null || clean === "folder" ? { kind: "missing" } : { kind: "file", file: clean }
}

/** `bytes=a-b`, `a-`, `-n`: the first and last byte, "unsatisfiable", or null when the header is to be ignored. */
export const parseRange = (header: string | undefined, size: number): { readonly start: number; readonly end: number } | "unsatisfiable" | null => {
  const found = /^bytes=(\d*)-(\d*)$/.exec(header ?? "")
  if (found === null || (found[1] === "" && found[2] === "")) return null
  const [from, to] = [found[1] ?? "", found[2] ?? ""]
  const start = from === "" ? Math.max(0, size - Number(to)) : Number(from)
  const end = from === "" || to === "" ? size - 1 : Math.min(Number(to), size - 1)
  return start > end || start >= size ? "unsatisfiable" : { start, end }
}

const send = async (request: IncomingMessage, response: ServerResponse, file: Found, status: number, tag: string): Promise<void> => {
  const etag = `"${tag}-${file.sizeBytes.toString(36)}-${file.mtimeMillis.toString(36)}"`
  const headers = { "content-type": contentType(file.path), etag, "cache-control": "no-cache", "accept-ranges": "bytes", "x-content-type-options": "nosniff" }
  const known = (request.headers["if-none-match"] ?? "").split(",").map((one) => one.trim().replace(/^W\//, ""))
  if (status === 200 && (known.includes(etag) || known.includes("*"))) return void response.writeHead(304, { etag, "cache-control": "no-cache" }).end()
  const ifRange = request.headers["if-range"]
  const range = status === 200 && (ifRange === undefined || ifRange === etag) ? parseRange(request.headers.range, file.sizeBytes) : null
  if (range === "unsatisfiable") return void response.writeHead(416, { "content-range": `bytes */${file.sizeBytes}` }).end()
  const length = range === null ? file.sizeBytes : range.end - range.start + 1
  response.writeHead(range === null ? status : 206, { ...headers, "content-length": length, ...(range === null ? {} : { "content-range": `bytes ${range.start}-${range.end}/${file.sizeBytes}` }) })
  if (request.method === "HEAD" || length === 0) return void response.end()
  await pipeline(createReadStream(file.path, range === null ? {} : { start: range.start, end: range.end }), response)
}

/** `tag` distinguishes releases in the ETag; `missing` answers when there is neither the file nor a 404.html. */
export const serve = async (root: string, tag: string, request: IncomingMessage, response: ServerResponse, missing: () => void): Promise<void> => {
  if (request.method !== "GET" && request.method !== "HEAD") return void response.writeHead(405, { allow: "GET, HEAD" }).end()
  const found = await lookUp(root, request.url ?? "/")
  if (found.kind === "redirect") return void response.writeHead(308, { location: found.to }).end()
  if (found.kind === "file") return send(request, response, found.file, 200, tag)
  const page = await lookUp(root, "/404.html")
  return page.kind === "file" ? send(request, response, page.file, 404, tag) : missing()
}
