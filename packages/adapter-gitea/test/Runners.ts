/** Runners of this run's own organisation, so that its jobs wait for nobody else's, and can be ended under a job. */
import { Effect, Schema } from "effect"
import { spawn } from "node:child_process"
import { homedir } from "node:os"
import { join } from "node:path"
import * as GiteaClient from "../src/GiteaClient.ts"
import { client, folder, organisation, url } from "./Lab.ts"

export const label = organisation
const program = join(
  process.env["RDEV_LAB_CACHE"] ?? join(homedir(), ".cache", "rdev-lab"),
  "vendors/bin/actions-runner"
)
const Registration = Schema.Struct({ token: Schema.String })

/** A runner until the scope ends; `kill` ends it at once, as a machine that lost its power. */
export const runner = (of: GiteaClient.GiteaClient = client, at: string = url, labels: string = label) =>
  Effect.gen(function* () {
    const { json } = yield* of.call("POST", `/orgs/${organisation}/actions/runners/registration-token`)
    const { token } = yield* GiteaClient.decode(Registration, "registration-token")(json)
    const work = yield* folder
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(program, ["-url", at, "-name", "own", "-labels", labels, "-work", work], {
          env: { PATH: process.env["PATH"], HOME: work, GITEA_RUNNER_TOKEN: token },
          stdio: ["ignore", "ignore", "pipe"]
        })
      ),
      (process) => Effect.sync(() => void process.kill("SIGKILL"))
    )
    yield* Effect.callback<void>((resume) => {
      child.stderr.on("data", (data: Buffer) => {
        if (data.includes("registered")) resume(Effect.void)
      })
      child.once("exit", (code) => resume(Effect.die(new Error(`the runner ended with ${code}`))))
    })
    return { kill: () => void child.kill("SIGKILL") }
  }).pipe(Effect.orDie)
