/**
 * Asks the server through the client of @rdev/api. Where it is and the key come from flags, then the environment (RDEV_URL,
 * RDEV_API_KEY), then the data folder in which a server of this machine left both.
 */
import * as ClientError from "@rdev/api/ClientError"
import * as RdevClient from "@rdev/api/RdevClient"
import * as Effect from "effect/Effect"
import { readFileSync, rmSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { CliFailure, exitCodes, fail, kindOf } from "./Failure.ts"

/** `key` is empty when there is none. */
export interface Target {
  readonly url: string
  readonly key: string
  readonly rdev: RdevClient.RdevClient
}
export const targetOf = (url: string, key: string): Target => ({ url, key, rdev: RdevClient.make({ url, key }) })
export interface Where {
  readonly url: string | null
  readonly key: string | null
  readonly dataDir: string | null
}

const addressFile = (dataDir: string) => join(dataDir, "server.json")
const readText = (path: string): string | null => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    // Absent or unreadable: the next source is asked.
    return null
  }
}
export const dataDirOf = (where: Where): string =>
  resolve(where.dataDir ?? (process.env["RDEV_DATA_DIR"]?.trim() || ".rdev"))

/** Left by a running server for the commands beside it. */
export const announce = (dataDir: string, url: string): void =>
  writeFileSync(addressFile(dataDir), `${JSON.stringify({ url, pid: process.pid })}\n`, { mode: 0o600 })
export const withdraw = (dataDir: string): void => rmSync(addressFile(dataDir), { force: true })

const announced = (dataDir: string): string | null => {
  const text = readText(addressFile(dataDir))
  if (text === null) return null
  try {
    const { url }: { readonly url?: unknown } = JSON.parse(text)
    return typeof url === "string" ? url : null
  } catch {
    // A half-written file says nothing.
    return null
  }
}

export const find = (where: Where): Effect.Effect<Target, CliFailure> =>
  Effect.suspend(() => {
    const dataDir = dataDirOf(where)
    const url = where.url ?? (process.env["RDEV_URL"]?.trim() || null) ?? announced(dataDir) ?? "http://127.0.0.1:4848"
    const key =
      where.key ?? (process.env["RDEV_API_KEY"]?.trim() || null) ?? readText(join(dataDir, "admin.key"))?.trim() ?? null
    const parsed = URL.parse(url)
    if (parsed === null || !/^https?:$/.test(parsed.protocol))
      return Effect.fail(
        fail("usage", `--url (RDEV_URL): ${JSON.stringify(url)} is not a URL like http://127.0.0.1:4848`)
      )
    // A server without keys (RDEV_AUTH=off) needs none; any other says that it does.
    return Effect.succeed(targetOf(url.replace(/\/$/, ""), key ?? ""))
  })

/** A row of what the API answers, for those who print whatever is in it. */
export type Json = { readonly [key: string]: unknown }

export const noKey =
  "there is no API key: give --key or RDEV_API_KEY, or --data-dir with the folder of a server on this machine (the first start writes the file admin.key there)"

/** The end of a command whose request failed: what is wrong, and the exit code that tells such ends apart. */
const failureOf = (target: Target, error: ClientError.ClientError): CliFailure => {
  if (error._tag === "Unauthorized" && target.key === "") return fail("denied", noKey)
  if (error._tag === "Unreachable")
    return fail(
      "unreachable",
      `no server answers at ${target.url}; start one with \`rdev up\`, or say where it is with --url (RDEV_URL)`
    )
  return new CliFailure({ message: error.message, exitCode: exitCodes[kindOf(error)], tag: error._tag })
}

/** One use of the client, ended by Ctrl-C. What is no error of the client's is a fault of this program. */
export const ask = <A>(
  target: Target,
  use: (rdev: RdevClient.RdevClient, options: { readonly signal: AbortSignal }) => Promise<A>
): Effect.Effect<A, CliFailure> =>
  Effect.promise((signal) =>
    use(target.rdev, { signal }).then(Effect.succeed, (error: unknown) => {
      if (ClientError.is(error)) return Effect.fail(failureOf(target, error))
      throw error
    })
  ).pipe(Effect.flatten)

const mostItems = 10_000
/** All pages of a list, up to 10,000 items. */
export const list = <A>(
  target: Target,
  use: (rdev: RdevClient.RdevClient, options: { readonly signal: AbortSignal }) => AsyncIterable<A>
): Effect.Effect<ReadonlyArray<A>, CliFailure> =>
  ask(target, async (rdev, options) => {
    const items: Array<A> = []
    for await (const item of use(rdev, options)) if (items.push(item) >= mostItems) break
    return items
  })
