/**
 * One request of git's smart HTTP protocol, carried between the client and a git of the server's own. A push is read up to its list
 * of refs first (see push/PushCommands), and examined again before any ref moves (see push/PreReceive).
 */
import type { IncomingMessage, ServerResponse } from "node:http"
import { type Duplex, type Readable, Transform } from "node:stream"
import { pipeline } from "node:stream/promises"
import { createGunzip } from "node:zlib"
import * as Git from "@rdev/git/Git"
import type * as PushInspection from "@rdev/git/PushInspection"
import * as Launch from "@rdev/runtime-node/Launch"
import * as PreReceive from "../push/PreReceive.ts"
import * as PushCommands from "../push/PushCommands.ts"

export type Service = "git-upload-pack" | "git-receive-pack"

export interface Exchange {
  readonly service: Service
  readonly advertise: boolean
  readonly directory: string
  readonly program: string
  /** Folder of the server's hooks. */
  readonly hooks: string
  readonly maxPushBytes: number
  /** What is wrong with the refs of a push, before and after its objects have come; empty = nothing. */
  readonly names: (commands: PushCommands.Commands["commands"]) => ReadonlyArray<string>
  readonly examine: (question: PushInspection.Question) => Promise<ReadonlyArray<string>>
  /** Hears which refs a push has moved; not always when git is killed. */
  readonly moved: (commands: PushInspection.Question["commands"]) => void
  /** Calls back when the request has lost its right; returns how to stop watching. */
  readonly watch: (lost: () => void) => () => void
}

const maxFetchRequestBytes = 16 * 1024 * 1024
const timeoutMillis = 10 * 60_000
const killAfterMillis = 5_000

class TooLarge extends Error {}
/** What is wrong with a push is told in git's own words; the rest of its body is not read. */
class Refused extends Error {
  readonly answer: Buffer
  constructor(answer: Buffer) {
    super("the push was refused")
    this.answer = answer
  }
}

const bounded = (maxBytes: number): Transform => {
  let total = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      total += chunk.byteLength
      if (total > maxBytes) done(new TooLarge(`the request has more than ${maxBytes} bytes`))
      else done(null, chunk)
    }
  })
}

/** Lets nothing through until the refs of the push have come and are found good. */
const guarded = (names: Exchange["names"]): Transform => {
  let held: Buffer | null = Buffer.alloc(0)
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (held === null) return done(null, chunk)
      held = Buffer.concat([held, chunk])
      const found = PushCommands.parse(held)
      if (found === "more") return done()
      if ("problem" in found)
        return done(
          new Refused(PushCommands.refusal({ commands: [], capabilities: new Set(["side-band-64k"]) }, [found.problem]))
        )
      const problems = names(found.commands)
      if (problems.length > 0) return done(new Refused(PushCommands.refusal(found, problems)))
      const whole = held
      held = null
      done(null, whole)
    },
    flush(done) {
      done(null, held ?? undefined)
    }
  })
}

const isBadBody = (cause: unknown): boolean =>
  cause instanceof TooLarge ||
  cause instanceof Refused ||
  (cause instanceof Error && "code" in cause && String(cause.code).startsWith("Z_"))

const packet = (line: string) => `${(line.length + 4).toString(16).padStart(4, "0")}${line}`

/** Asks it to end, and ends it when it does not. */
export const end = (child: Launch.Launched): void => {
  child.kill("SIGTERM")
  const timer = setTimeout(() => child.kill("SIGKILL"), killAfterMillis)
  void child.exit.then(() => clearTimeout(timer))
}

const receive = (request: IncomingMessage, into: Duplex, { maxPushBytes, names, service }: Exchange): Promise<void> => {
  const limit = bounded(service === "git-upload-pack" ? maxFetchRequestBytes : maxPushBytes)
  const parts: Array<NodeJS.ReadWriteStream> = [
    ...(request.headers["content-encoding"] === "gzip" ? [createGunzip()] : []),
    limit,
    ...(service === "git-receive-pack" ? [guarded(names)] : [])
  ]
  return pipeline([request as Readable, ...parts, into])
}

const protocolOf = (request: IncomingMessage): string | null => {
  const header = request.headers["git-protocol"]
  return typeof header === "string" && /^version=[012]$/.test(header) ? header : null
}

const launch = (
  { advertise, directory, hooks, program, service }: Exchange,
  protocol: string | null
): Promise<Launch.Launched> => {
  const isPush = service === "git-receive-pack"
  return Launch.launch({
    program,
    args: [service.slice(4), "--stateless-rpc", ...(advertise ? ["--http-backend-info-refs"] : []), "--", directory],
    env: Git.variables(protocol === null ? {} : { GIT_PROTOCOL: protocol }, isPush ? [["core.hooksPath", hooks]] : []),
    descriptors: isPush ? 4 : 3
  })
}

/** Answers the request; `children` holds what runs, so that the server's end is theirs. */
export const run = async (
  request: IncomingMessage,
  response: ServerResponse,
  asked: Exchange,
  children: Set<Launch.Launched>
): Promise<void> => {
  const protocol = protocolOf(request)
  const child = await launch(asked, protocol)
  const [stdin, stdout, stderr, channel] = child.stdio as readonly [Duplex, Duplex, Duplex, Duplex | undefined]
  children.add(child)
  const timer = setTimeout(() => end(child), timeoutMillis)
  const unwatch = asked.watch(() => {
    child.kill("SIGKILL")
    response.destroy()
  })
  if (response.destroyed) end(child)
  else
    response.once("close", () => {
      if (!child.ended()) end(child)
    })
  // What git says on its standard error is about the server's files: not for the client.
  stderr.resume()
  stdin.on("error", () => undefined)
  if (channel !== undefined) PreReceive.answer(channel, asked.examine, asked.moved)
  const kind = asked.advertise ? "advertisement" : "result"
  response.writeHead(200, {
    "content-type": `application/x-${asked.service}-${kind}`,
    "cache-control": "no-cache, max-age=0, must-revalidate"
  })
  try {
    if (asked.advertise) {
      stdin.end()
      if (!(asked.service === "git-upload-pack" && protocol === "version=2"))
        response.write(`${packet(`# service=${asked.service}\n`)}0000`)
      await pipeline(stdout, response)
    } else {
      const received = receive(request, stdin, asked)
      // Git may end before it has read everything: only what is wrong with the request itself cuts the answer off.
      const judged = received.catch((cause: unknown) => {
        if (isBadBody(cause)) throw cause
      })
      await Promise.all([judged, pipeline(stdout, response, { end: false })])
      response.end()
    }
  } catch (cause) {
    end(child)
    if (cause instanceof Refused && !response.destroyed) response.end(cause.answer)
    else response.destroy(cause instanceof Error ? cause : undefined)
  } finally {
    unwatch()
    await child.exit
    clearTimeout(timer)
    children.delete(child)
  }
}
