/** What a kind of attack gets: a real server process, what an outsider or a tenant can do with it, and a counter of promises that held. */
import { spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Target from "./Target.ts"

/** One kind of fault, tried in many spellings. One file below `kinds/`. */
export interface Kind {
  /** Kebab-case, as its file. */
  readonly name: string
  /** What must hold, in one sentence. */
  readonly promise: string
  /** Further variables of the server's environment. */
  readonly environment?: Readonly<Record<string, string>>
  /** A program that sets up what the server inherits and becomes it. */
  readonly through?: Target.Through
  readonly run: (attack: Attack) => Promise<void>
}

export interface Asked {
  /** Default: the admin key; null = none. */
  readonly key?: string | null
  /** Sent as JSON. */
  readonly body?: unknown
  /** Sent as it is, instead of `body`. */
  readonly raw?: string | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
}
/** `json` is null when the body is none. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly json: Record<string, unknown> | null
}
export interface ProjectRef {
  readonly id: string
  readonly name: string
}
export interface Ran {
  readonly code: number | null
  readonly output: string
}

export interface NewKey {
  readonly scopes: ReadonlyArray<string>
  /** Names; default: all. */
  readonly projects?: ReadonlyArray<string>
  readonly type?: "human" | "agent" | "ci"
}

const parsed = (text: string): Record<string, unknown> | null => {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    // Not every answer is JSON; the text says what it is.
    return null
  }
}
const provisionSeconds = 120

export class Attack {
  readonly failures: Array<string> = []
  tries = 0
  private readonly folder = mkdtempSync(join(tmpdir(), "rdev-attack-"))
  private made = 0
  private target: Target.Target
  private readonly environment: Readonly<Record<string, string>>
  private readonly through: Target.Through | null
  private constructor(
    target: Target.Target,
    environment: Readonly<Record<string, string>>,
    through: Target.Through | null
  ) {
    this.target = target
    this.environment = environment
    this.through = through
  }

  static async start({
    environment = {},
    through = null
  }: {
    readonly environment?: Readonly<Record<string, string>>
    readonly through?: Target.Through | null
  } = {}): Promise<Attack> {
    const dataDir = mkdtempSync(join(tmpdir(), "rdev-attack-data-"))
    try {
      return new Attack(await Target.start(dataDir, environment, through), environment, through)
    } catch (cause) {
      rmSync(dataDir, { recursive: true, force: true })
      throw cause
    }
  }

  get server(): Target.Target {
    return this.target
  }

  /** Counts one try; `ok` = the promise held. */
  held(what: string, ok: boolean, detail = ""): void {
    this.tries++
    if (!ok) this.failures.push(detail === "" ? what : `${what}: ${detail.slice(0, 500)}`)
  }

  /** Ends the server and starts it again on its data; `signal` defaults to SIGTERM. */
  async restart(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    await this.target.stop(signal)
    this.target = await Target.start(this.target.dataDir, this.environment, this.through)
  }

  async end(): Promise<void> {
    await this.target.stop("SIGKILL")
    for (const folder of [this.folder, this.target.dataDir])
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }

  /** A new empty folder outside of the server's data. */
  temporary(): string {
    const folder = join(this.folder, `t${++this.made}`)
    mkdirSync(folder, { recursive: true })
    return folder
  }

  async api(method: string, path: string, asked: Asked = {}): Promise<Answer> {
    const key = asked.key === undefined ? this.target.adminKey : asked.key
    const content = asked.raw ?? (asked.body === undefined ? undefined : JSON.stringify(asked.body))
    const response = await fetch(`${this.target.url}${path}`, {
      method,
      redirect: "manual",
      headers: {
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        ...(content === undefined ? {} : { "content-type": "application/json" }),
        ...asked.headers
      },
      ...(content === undefined ? {} : { body: content as string })
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, json: parsed(text) }
  }

  /** The same, but an answer of 400 and above ends the kind: what it needs is not there. */
  async must(method: string, path: string, asked: Asked = {}): Promise<Record<string, unknown>> {
    const answer = await this.api(method, path, asked)
    if (answer.status >= 400)
      throw new Error(`${method} ${path} answered ${answer.status}: ${answer.text.slice(0, 500)}`)
    return answer.json ?? {}
  }

  /** Asks until the answer fits, at most `seconds`; the last answer either way. */
  async until(
    path: string,
    fits: (json: Record<string, unknown>) => boolean,
    seconds: number
  ): Promise<Record<string, unknown>> {
    const end = Date.now() + seconds * 1000
    while (true) {
      const found = await this.must("GET", path)
      if (fits(found) || Date.now() > end) return found
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }

  /** A provisioned project. */
  async project(template = "default"): Promise<ProjectRef> {
    const name = `attack-${++this.made}`
    await this.must("POST", "/projects", { body: { name, template }, headers: { prefer: "wait=60" } })
    const ready = await this.until(
      `/projects/${name}`,
      (project) => project["status"] === "ready" || project["status"] === "failed",
      provisionSeconds
    )
    if (ready["status"] !== "ready")
      throw new Error(
        `the project ${name} is ${String(ready["status"])} and not ready, within ${provisionSeconds} s: ${JSON.stringify(ready["resources"])}`
      )
    return { id: String(ready["id"]), name }
  }

  async newKey({ projects, scopes, type }: NewKey): Promise<{ readonly id: string; readonly key: string }> {
    const made = await this.must("POST", "/keys", {
      body: {
        name: `attack ${++this.made}`,
        scopes,
        ...(type === undefined ? {} : { type }),
        ...(projects === undefined ? {} : { projects })
      }
    })
    return { id: String((made["record"] as Record<string, unknown>)["id"]), key: String(made["key"]) }
  }

  /** `sh -c script` in a workspace, to its end; the output is what its events tell. */
  async exec(
    project: ProjectRef,
    script: string,
    options: {
      readonly workspace?: string
      readonly timeoutSeconds?: number
      readonly env?: Readonly<Record<string, string>>
      readonly key?: string
    } = {}
  ): Promise<Ran> {
    const timeoutSeconds = options.timeoutSeconds ?? 30
    const as = options.key === undefined ? {} : { key: options.key }
    const started = await this.must("POST", `/projects/${project.name}/workspace/execs`, {
      ...as,
      body: {
        command: ["sh", "-c", script],
        timeout_seconds: timeoutSeconds,
        ...(options.workspace === undefined ? {} : { workspace: options.workspace }),
        ...(options.env === undefined ? {} : { env: options.env })
      }
    })
    const id = String(started["id"])
    let ended = started
    for (let asked = 0; ended["state"] !== "exited" && asked <= timeoutSeconds / 10 + 2; asked++) {
      ended = await this.must("GET", `/projects/${project.name}/workspace/execs/${id}?wait=10`)
    }
    const lines = (await this.events(project, `exec_id=${id}`)).flatMap((event) => {
      const batch = event["lines"] as ReadonlyArray<{ readonly line: string } | string> | undefined
      return batch === undefined
        ? typeof event["line"] === "string"
          ? [event["line"]]
          : []
        : batch.map((one) => (typeof one === "string" ? one : one.line))
    })
    return { code: ended["exit_code"] as number | null, output: lines.join("\n") }
  }

  /** All events of a project that the filter lets through, oldest first. */
  async events(project: ProjectRef, filter = ""): Promise<ReadonlyArray<Record<string, unknown>>> {
    const found: Array<Record<string, unknown>> = []
    for (let cursor = "0"; ;) {
      const page = await this.must(
        "GET",
        `/projects/${project.name}/events?after=${cursor}&limit=100${filter === "" ? "" : `&${filter}`}`,
        { headers: { accept: "application/json" } }
      )
      found.push(...(page["events"] as ReadonlyArray<Record<string, unknown>>))
      if (page["has_more"] !== true) return found
      cursor = String(page["cursor"])
    }
  }

  /** A clone with a token that may push, made with the given key. */
  async clone(
    project: ProjectRef,
    options: { readonly key?: string; readonly access?: "read" | "write" } = {}
  ): Promise<string> {
    const made = await this.must("POST", `/projects/${project.name}/git-tokens`, {
      body: { access: options.access ?? "write", ttl_seconds: 600 },
      ...(options.key === undefined ? {} : { key: options.key })
    })
    const folder = join(this.temporary(), "clone")
    const url = new URL(String(made["clone_url"]))
    url.username = String(made["username"])
    url.password = String(made["token"])
    const cloned = await this.git(this.folder, "clone", "-q", url.href, folder)
    if (cloned.code !== 0) throw new Error(`the repository of ${project.name} cannot be cloned: ${cloned.output}`)
    return folder
  }

  /** git as a person runs it, with no configuration of this machine. */
  git(folder: string, ...args: ReadonlyArray<string>): Promise<Ran> {
    const env = {
      PATH: process.env["PATH"] ?? "",
      HOME: this.folder,
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_TERMINAL_PROMPT: "0"
    }
    return new Promise((resolve, reject) => {
      const child = spawn(
        "git",
        [
          "-c",
          "user.name=Mallory",
          "-c",
          "user.email=mallory@example.org",
          "-c",
          "protocol.file.allow=always",
          ...args
        ],
        { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] }
      )
      let output = ""
      for (const stream of [child.stdout, child.stderr])
        stream.on("data", (chunk) => {
          output += String(chunk)
        })
      child.on("error", reject).on("close", (code) => resolve({ code, output }))
    })
  }
}
