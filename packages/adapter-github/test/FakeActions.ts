/**
 * Actions of the test's GitHub: a push of a branch with a workflow makes a run, and a runner of the test plays its steps with `sh`, one
 * after the other, as GitHub's own do. Answers have the fields of GitHub's description.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parse } from "yaml"
import { sampleOf } from "./Description.ts"
import type { Answer, Asked, Repository } from "./FakeState.ts"

interface Step {
  readonly name: string
  readonly if?: string
  readonly run: string
  readonly env?: Readonly<Record<string, string>>
}
interface Played {
  readonly name: string
  status: "completed" | "in_progress" | "queued"
  conclusion: string | null
}
interface Run {
  readonly id: number
  readonly job: number
  readonly repository: number
  readonly branch: string
  readonly sha: string
  readonly title: string
  readonly began: string
  ended: string | null
  status: "completed" | "in_progress" | "queued"
  conclusion: string | null
  log: string
  steps: ReadonlyArray<Played>
  child: ChildProcess | null
  cancelled: boolean
}
const git = (directory: string, ...args: ReadonlyArray<string>): string | null => {
  const { status, stdout } = spawnSync("git", ["-C", directory, ...args], { encoding: "utf8" })
  return status === 0 ? stdout : null
}
const stamped = (text: string): string =>
  text
    .split("\n")
    .map((line) => `${new Date().toISOString()} ${line}\n`)
    .join("")

export class Actions {
  readonly variables = new Map<number, Map<string, string>>()
  readonly runs = new Map<number, Run>()
  readonly #next: () => number
  readonly #root: string
  /** Off: runs stay in the queue. */
  works = true
  /** What came along with each question for a log. */
  readonly blobs: Array<string | undefined> = []
  constructor(root: string, next: () => number) {
    this.#root = root
    this.#next = next
  }

  /** After a push: what is on branches and has no run yet gets one. */
  pushed(repository: Repository, directory: string): void {
    const refs = git(directory, "for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads") ?? ""
    for (const line of refs.split("\n").filter((one) => one !== "")) {
      const [branch = "", sha = ""] = line.split(" ")
      const there = [...this.runs.values()].some((one) => one.repository === repository.id && one.sha === sha)
      const workflow = there ? null : git(directory, "show", `${sha}:.github/workflows/rdev.yaml`)
      if (workflow === null) continue
      const title = (git(directory, "log", "-1", "--format=%s", sha) ?? "").trim()
      const run: Run = {
        id: this.#next(),
        job: this.#next(),
        repository: repository.id,
        branch,
        sha,
        title,
        began: new Date().toISOString(),
        ended: null,
        status: "queued",
        conclusion: null,
        log: "",
        steps: [],
        child: null,
        cancelled: false
      }
      this.runs.set(run.id, run)
      if (this.works) void this.#play(run, repository, workflow)
    }
  }
  close(): void {
    for (const run of this.runs.values()) this.#end(run)
  }

  /** With all that a step has started. */
  #end({ child }: Run): void {
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    const parents = spawnSync("ps", ["-eo", "pid=,ppid="], { encoding: "utf8" })
      .stdout.split("\n")
      .map((line) => line.trim().split(/\s+/).map(Number))
    const family = new Set([child.pid])
    for (const [pid = 0, parent = 0] of parents.sort(([a = 0], [b = 0]) => a - b))
      if (family.has(parent)) family.add(pid)
    for (const pid of family)
      try {
        process.kill(pid, "SIGKILL")
      } catch {
        // It has ended between the two.
      }
  }

  async #play(run: Run, repository: Repository, workflow: string): Promise<void> {
    const { jobs } = parse(workflow) as {
      readonly jobs: { readonly pipeline: { readonly steps: ReadonlyArray<Step> } }
    }
    const work = mkdtempSync(join(tmpdir(), "rdev-github-runner-"))
    const [setUp, ...own]: ReadonlyArray<Played> = ["Set up job", ...jobs.pipeline.steps.map(({ name }) => name)].map(
      (name) => ({ name, status: "queued", conclusion: null })
    )
    run.steps = setUp === undefined ? own : [{ ...setUp, status: "completed", conclusion: "success" }, ...own]
    run.status = "in_progress"
    let failed = false
    for (const [index, step] of jobs.pipeline.steps.entries()) {
      const played = own[index]
      if (played === undefined || run.cancelled || (failed && step.if === undefined)) continue
      played.status = "in_progress"
      run.log += stamped(`##[group]Run ${step.name}\n${step.run.trimEnd()}\n##[endgroup]`)
      const code = await this.#step(run, repository, step, work)
      failed ||= code !== 0
      Object.assign(played, { status: "completed", conclusion: code === 0 ? "success" : "failure" })
    }
    rmSync(work, { recursive: true, force: true, maxRetries: 3 })
    run.conclusion = run.cancelled ? "cancelled" : failed ? "failure" : "success"
    run.ended = new Date().toISOString()
    run.status = "completed"
  }
  #step(run: Run, repository: Repository, step: Step, work: string): Promise<number> {
    return new Promise((resolve) => {
      const env =
        step.env === undefined
          ? {}
          : {
              FETCH_TOKEN: "job-token",
              FETCH_SERVER: `file://${this.#root}`,
              FETCH_REPOSITORY: `${repository.owner}/${repository.name}`
            }
      const child = spawn("sh", ["-e", "-c", step.run], {
        cwd: work,
        detached: true,
        stdio: ["ignore", "pipe", "pipe"],
        env: { PATH: process.env["PATH"], HOME: work, GITHUB_WORKSPACE: work, ...env }
      })
      run.child = child
      let text = ""
      for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (text += String(data)))
      child.on("close", (code) => {
        if (text !== "") run.log += stamped(text.replace(/\n$/, ""))
        resolve(code ?? 1)
      })
    })
  }

  #view = (run: Run) =>
    sampleOf("workflow-run", {
      id: run.id,
      head_branch: run.branch,
      head_sha: run.sha,
      display_title: run.title,
      status: run.status,
      conclusion: run.conclusion,
      run_started_at: run.began,
      updated_at: run.ended ?? run.began,
      html_url: `https://github.example.test/acme/shop/actions/runs/${run.id}`
    })
  #job = (run: Run) =>
    sampleOf("job", {
      id: run.job,
      run_id: run.id,
      status: run.status,
      conclusion: run.conclusion,
      steps: run.steps.map(({ conclusion, name, status }, number) => ({ name, status, conclusion, number }))
    })

  /** null = it is no route of Actions. */
  answer(route: string, { body, parameters, query }: Asked, repository: Repository, origin: string): Answer | null {
    const missing: Answer = {
      status: 404,
      body: { message: "Not Found", documentation_url: "https://docs.github.com", status: "404" }
    }
    const [method, path = ""] = route.split(" ")
    const tail = path.replace("/repos/{owner}/{repo}/actions", "")
    const mine = this.variables.get(repository.id) ?? new Map<string, string>()
    this.variables.set(repository.id, mine)
    const name = String(parameters["name"] ?? body["name"])
    const found = this.runs.get(Number(parameters["run_id"]))
    const run = found?.repository === repository.id ? found : undefined
    switch (`${method} ${tail}`) {
      case "GET /permissions":
        return { status: 200, body: { enabled: true, sha_pinning_required: false } }
      case "PUT /permissions":
        return { status: 204 }
      case "POST /variables":
        if (mine.has(name))
          return {
            status: 409,
            body: {
              message: `Already exists - Variable already exists`,
              documentation_url: "https://docs.github.com",
              status: "409"
            }
          }
        mine.set(name, String(body["value"]))
        return { status: 201, body: {} }
      case "GET /variables/{name}": {
        const value = mine.get(name)
        return value === undefined ? missing : { status: 200, body: sampleOf("actions-variable", { name, value }) }
      }
      case "PATCH /variables/{name}":
        mine.set(name, String(body["value"]))
        return { status: 204 }
      case "DELETE /variables/{name}":
        return mine.delete(name) ? { status: 204 } : missing
      case "GET /runs": {
        const branch = query.get("branch")
        const list = [...this.runs.values()].filter(
          (one) => one.repository === repository.id && (branch === null || one.branch === branch)
        )
        return { status: 200, body: { total_count: list.length, workflow_runs: list.map(this.#view) } }
      }
      case "GET /runs/{run_id}/jobs":
        return run === undefined ? missing : { status: 200, body: { total_count: 1, jobs: [this.#job(run)] } }
      case "POST /runs/{run_id}/cancel":
        if (run === undefined) return missing
        if (run.status === "completed")
          return {
            status: 409,
            body: {
              message: "Cannot cancel a workflow run that is completed.",
              documentation_url: "https://docs.github.com",
              status: "409"
            }
          }
        run.cancelled = true
        this.#end(run)
        return { status: 202, body: {} }
      case "DELETE /runs/{run_id}":
        if (run === undefined) return missing
        this.runs.delete(run.id)
        return { status: 204 }
      case "GET /jobs/{job_id}/logs": {
        const one = [...this.runs.values()].find(({ job }) => job === Number(parameters["job_id"]))
        return one === undefined || one.status !== "completed"
          ? missing
          : { status: 302, headers: { location: `${origin}/blobs/${one.job}` } }
      }
    }
    return null
  }
  blob = (job: string): string | null => [...this.runs.values()].find((one) => String(one.job) === job)?.log ?? null
}
