/**
 * Sends requests over `fetch`: with the key, a time limit for each attempt, and again where that is harmless. A POST carries an
 * Idempotency-Key, made once per call and kept over its attempts. A refusal, a broken connection and silence all fail with a ClientError;
 * an abort fails with the signal's reason. Nothing of it needs Effect.
 */
import * as ClientError from "../ClientError.ts"
import * as Answers from "./Answers.ts"
import * as Retry from "./Retry.ts"

export interface ClientOptions {
  /** e.g. `http://127.0.0.1:4848` */
  readonly url: string | URL
  /** An API key; without one nothing is sent, for servers that ask for none and for pages that have a cookie. */
  readonly key?: string | null
  /** How long one attempt may take besides what `wait` asks for; default 30,000. */
  readonly timeoutMillis?: number
  /** Attempts after broken connections and answers of a server that is busy; default 4. */
  readonly retries?: number
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>
  /** Default: the platform's. */
  readonly fetch?: typeof globalThis.fetch
}

/** Of one call. */
export interface CallOptions {
  /** Ends the call, whatever it is doing. */
  readonly signal?: AbortSignal
  readonly timeoutMillis?: number
  readonly retries?: number
  /** Of a POST; default: a new one for each call. Give your own to ask for the answer again after a crash. */
  readonly idempotencyKey?: string
}

export interface Request {
  readonly method: string
  /** With its query; a path below the server's URL. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array | null
}

export interface Transport {
  /** Without a slash at its end. */
  readonly url: string
  readonly send: (request: Request, options?: CallOptions) => Promise<Response>
}

const defaultTimeoutMillis = 30_000
const defaultRetries = 4

const wrongUrl = (url: string): ClientError.InvalidInput =>
  new ClientError.InvalidInput({
    detail: `url: ${JSON.stringify(url)} is not a URL like http://127.0.0.1:4848`,
    errors: [{ pointer: "/url", detail: "is not a URL like http://127.0.0.1:4848" }]
  })
const baseOf = (url: string | URL): string => {
  const text = String(url)
  const { hash, protocol, search } = URL.canParse(text) ? new URL(text) : { hash: "", protocol: "", search: "" }
  if (!/^https?:$/.test(protocol) || search !== "" || hash !== "") throw wrongUrl(text)
  return text.replace(/\/+$/, "")
}

/** Browsers offer `randomUUID` on secure pages only. */
const newKey = (): string =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("")

/** Ends early with the signal's reason. */
export const sleep = (millis: number, signal: AbortSignal | undefined): Promise<void> =>
  new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason)
    const abort = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort)
      resolve()
    }, millis)
    signal?.addEventListener("abort", abort, { once: true })
  })

/** What the server itself was asked to wait for. */
const waitMillisOf = ({ headers, path }: Request): number => {
  const [, prefer] = /^wait=(\d+)$/.exec(headers?.["prefer"] ?? "") ?? []
  const [, query] = /[?&]wait=(\d+)/.exec(path) ?? []
  return Number(prefer ?? query ?? 0) * 1_000
}

/** The one answer of 400 and above that is no refusal: what a server that is not ready lacks. */
const isAnswer = ({ ok, status }: Response, path: string): boolean => ok || (status === 503 && path === "/readyz")

/** JSON is read to its end within the attempt, so that an answer that breaks off is a broken attempt; anything else is a stream. */
const whole = async (response: Response, broke: (cause: unknown) => unknown): Promise<Response> => {
  if (!/\bjson\b/.test(response.headers.get("content-type") ?? "")) return response
  try {
    const body = await response.arrayBuffer()
    const { headers, status, statusText } = response
    return new Response(body, { headers, status, statusText })
  } catch (cause) {
    throw broke(cause)
  }
}

export const make = (options: ClientOptions): Transport => {
  const url = baseOf(options.url)
  const { key = null } = options
  const origin = new URL(url).origin

  const attempt = async (request: Request, headers: Record<string, string>, call: CallOptions): Promise<Response> => {
    const isRead = request.method === "GET" || request.method === "HEAD"
    const limit = (call.timeoutMillis ?? options.timeoutMillis ?? defaultTimeoutMillis) + waitMillisOf(request)
    const controller = new AbortController()
    const { signal } = call
    let late: ClientError.Timeout | null = null
    const abort = () => controller.abort(signal?.reason)
    signal?.throwIfAborted()
    signal?.addEventListener("abort", abort, { once: true })
    const timer = setTimeout(() => {
      late = new ClientError.Timeout({
        detail: `${origin} did not answer ${request.method} ${request.path.split("?", 1)[0]} within ${limit} ms${isRead ? "" : ": it may have been done; look before you ask for it again"}`,
        mayHaveHappened: !isRead
      })
      controller.abort(late)
    }, limit)
    /** The abort's own reason goes before what `fetch` makes of it. */
    const because = (error: ClientError.ClientError) => (signal?.aborted === true ? signal.reason : (late ?? error))
    let isStream = false
    try {
      const { body = null, method } = request
      const response = await (options.fetch ?? globalThis.fetch)(`${url}${request.path}`, {
        method,
        headers,
        signal: controller.signal,
        ...(body === null ? {} : { body: body as BodyInit })
      }).catch((cause: unknown) => {
        throw because(Answers.unanswered(origin, cause, isRead))
      })
      const broke = (cause: unknown) => because(Answers.broken(origin, cause, isRead))
      if (!isAnswer(response, request.path)) {
        const text = await response.text().catch((cause: unknown) => {
          throw broke(cause)
        })
        throw Answers.refusal(origin, response.status, response.headers, text)
      }
      const answer = await whole(response, broke)
      isStream = answer === response
      return answer
    } finally {
      clearTimeout(timer)
      // Whoever reads a stream ends it by the same signal.
      if (!isStream) signal?.removeEventListener("abort", abort)
    }
  }

  const send = async (request: Request, call: CallOptions = {}): Promise<Response> => {
    const headers: Record<string, string> = {
      accept: "application/json",
      ...(key === null || key === "" ? {} : { authorization: `Bearer ${key}` }),
      ...(request.body === undefined || request.body === null ? {} : { "content-type": "application/json" }),
      ...options.headers,
      ...request.headers
    }
    if (request.method === "POST") headers["idempotency-key"] ??= call.idempotencyKey ?? newKey()
    const isSafe = ["GET", "HEAD", "POST"].includes(request.method)
    let tried = Retry.none
    for (;;) {
      try {
        return await attempt(request, headers, call)
      } catch (error) {
        if (!ClientError.is(error)) throw error
        const next = Retry.next(tried, error, isSafe, call.retries ?? options.retries ?? defaultRetries)
        if (!Retry.isWaiting(next)) throw next
        tried = next.tried
        await sleep(next.waitMillis, call.signal)
      }
    }
  }
  return { url, send }
}
