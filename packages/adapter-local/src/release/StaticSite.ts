/**
 * Serves a folder over HTTP: content types, index.html, clean URLs, 404.html, ETag with 304, one byte range, HEAD. Never anything
 * outside the folder, no dot files, nothing through a link.
 */
import type { IncomingMessage, ServerResponse } from "node:http"
import { extname } from "node:path"
import { pipeline } from "node:stream/promises"
import { close, codeOf, contents, type Folder, openFile, openFolder, openRoot } from "../confined/ConfinedFolder.ts"

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".htm": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".map": "application/json; charset=utf-8",
  ".txt": "text/plain; charset=utf-8",
  ".md": "text/markdown; charset=utf-8",
  ".xml": "application/xml; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".jpeg": "image/jpeg",
  ".gif": "image/gif",
  ".webp": "image/webp",
  ".avif": "image/avif",
  ".ico": "image/x-icon",
  ".woff": "font/woff",
  ".woff2": "font/woff2",
  ".ttf": "font/ttf",
  ".otf": "font/otf",
  ".mp4": "video/mp4",
  ".webm": "video/webm",
  ".mp3": "audio/mpeg",
  ".ogg": "audio/ogg",
  ".wav": "audio/wav",
  ".pdf": "application/pdf",
  ".wasm": "application/wasm",
  ".zip": "application/zip",
  ".gz": "application/gzip",
  ".webmanifest": "application/manifest+json",
  ".csv": "text/csv; charset=utf-8"
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

/** An open file of the site; whoever gets it closes it. */
export interface Found {
  readonly name: string
  readonly fd: number
  readonly sizeBytes: number
  readonly mtimeMillis: number
}
export type Lookup =
  | { readonly kind: "file"; readonly file: Found }
  | { readonly kind: "redirect"; readonly to: string }
  | { readonly kind: "missing" }

const nothing: Lookup = { kind: "missing" }
/** Null where there is no such path, a link (a site has none, and none is followed), or what this user may not read. */
const unlessAbsent = <A>(work: () => A): A | null => {
  try {
    return work()
  } catch (cause) {
    if (["ENOENT", "ENOTDIR", "ENAMETOOLONG", "ELOOP", "EACCES"].includes(codeOf(cause) ?? "")) return null
    throw cause
  }
}

const plainFile = (folder: Folder, name: string): Found | "folder" | null =>
  unlessAbsent(() => {
    const found = openFile(folder, name)
    if (typeof found === "string") return found === "folder" ? found : null
    return { name, fd: found.fd, sizeBytes: found.stats.size, mtimeMillis: Math.floor(found.stats.mtimeMs) }
  })

/** The folder that `parts` lead to, given to `use`; null when there is none. */
const inFolder = <A>(root: Folder, parts: ReadonlyArray<string>, use: (folder: Folder) => A): A | null => {
  const [first, ...rest] = parts
  if (first === undefined) return use(root)
  const inner = unlessAbsent(() => openFolder(root, first))
  if (inner === null) return null
  try {
    return inFolder(inner, rest, use)
  } finally {
    close(inner)
  }
}

const lookUpIn = (root: Folder, url: string, parts: ReadonlyArray<string>): Lookup => {
  const asFile = (file: Found | "folder" | null): Lookup =>
    file === null || file === "folder" ? nothing : { kind: "file", file }
  const slash = /\/(?:[?#]|$)/.test(url) || parts.length === 0
  if (slash) return asFile(inFolder(root, parts, (folder) => plainFile(folder, "index.html")))
  const last = parts.at(-1) ?? ""
  return (
    inFolder(root, parts.slice(0, -1), (folder): Lookup => {
      const found = plainFile(folder, last)
      if (found !== "folder") return asFile(found ?? plainFile(folder, `${last}.html`))
      const index = inFolder(folder, [last], (inner) => plainFile(inner, "index.html"))
      if (index === null || index === "folder") return nothing
      close(index)
      const query = url.includes("?") ? url.slice(url.indexOf("?")) : ""
      return { kind: "redirect", to: `/${parts.map(encodeURIComponent).join("/")}/${query}` }
    }) ?? nothing
  )
}

export const lookUp = (root: string, url: string): Lookup => {
  const parts = segments(url)
  if (parts === null) return nothing
  const folder = openRoot(root)
  try {
    return lookUpIn(folder, url, parts)
  } finally {
    close(folder)
  }
}
/** Whether a GET of it is answered with a file. */
export const has = (root: string, url: string): boolean => {
  const found = lookUp(root, url)
  if (found.kind === "file") close(found.file)
  return found.kind === "file"
}

/** `bytes=a-b`, `a-`, `-n`: the first and last byte, "unsatisfiable", or null when the header is to be ignored. */
export const parseRange = (
  header: string | undefined,
  size: number
): { readonly start: number; readonly end: number } | "unsatisfiable" | null => {
  const found = /^bytes=(\d*)-(\d*)$/.exec(header ?? "")
  if (found === null || (found[1] === "" && found[2] === "")) return null
  const [from, to] = [found[1] ?? "", found[2] ?? ""]
  const start = from === "" ? Math.max(0, size - Number(to)) : Number(from)
  const end = from === "" || to === "" ? size - 1 : Math.min(Number(to), size - 1)
  return start > end || start >= size ? "unsatisfiable" : { start, end }
}

const answer = async (
  request: IncomingMessage,
  response: ServerResponse,
  file: Found,
  status: number,
  tag: string
): Promise<void> => {
  const etag = `"${tag}-${file.sizeBytes.toString(36)}-${file.mtimeMillis.toString(36)}"`
  const headers = {
    "content-type": contentType(file.name),
    etag,
    "cache-control": "no-cache",
    "accept-ranges": "bytes",
    "x-content-type-options": "nosniff"
  }
  const known = (request.headers["if-none-match"] ?? "").split(",").map((one) => one.trim().replace(/^W\//, ""))
  if (status === 200 && (known.includes(etag) || known.includes("*")))
    return void response.writeHead(304, { etag, "cache-control": "no-cache" }).end()
  const ifRange = request.headers["if-range"]
  const range =
    status === 200 && (ifRange === undefined || ifRange === etag)
      ? parseRange(request.headers.range, file.sizeBytes)
      : null
  if (range === "unsatisfiable")
    return void response.writeHead(416, { "content-range": `bytes */${file.sizeBytes}` }).end()
  const length = range === null ? file.sizeBytes : range.end - range.start + 1
  response.writeHead(range === null ? status : 206, {
    ...headers,
    "content-length": length,
    ...(range === null ? {} : { "content-range": `bytes ${range.start}-${range.end}/${file.sizeBytes}` })
  })
  if (request.method === "HEAD" || length === 0) return void response.end()
  await pipeline(contents(file.fd, range?.start ?? 0, range?.end ?? file.sizeBytes - 1), response)
}

const send = async (
  request: IncomingMessage,
  response: ServerResponse,
  file: Found,
  status: number,
  tag: string
): Promise<void> => {
  try {
    await answer(request, response, file, status, tag)
  } finally {
    close(file)
  }
}

/** `tag` distinguishes releases in the ETag; `missing` answers when there is neither the file nor a 404.html. */
export const serve = async (
  root: string,
  tag: string,
  request: IncomingMessage,
  response: ServerResponse,
  missing: () => void
): Promise<void> => {
  if (request.method !== "GET" && request.method !== "HEAD")
    return void response.writeHead(405, { allow: "GET, HEAD" }).end()
  const found = lookUp(root, request.url ?? "/")
  if (found.kind === "redirect") return void response.writeHead(308, { location: found.to }).end()
  if (found.kind === "file") return send(request, response, found.file, 200, tag)
  const page = lookUp(root, "/404.html")
  return page.kind === "file" ? send(request, response, page.file, 404, tag) : missing()
}
