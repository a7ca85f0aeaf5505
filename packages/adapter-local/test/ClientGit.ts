/** The client's side of git over HTTP: somebody's git, and a server on a free port. */
import { Effect } from "effect"
import { execFile } from "node:child_process"
import type { Server } from "node:http"
import type { AddressInfo } from "node:net"

/** As somebody's machine would run it. */
export const git = (cwd: string, ...args: ReadonlyArray<string>) =>
  Effect.callback<{ readonly code: number; readonly text: string }>((resume) => {
    const env = {
      PATH: process.env["PATH"] ?? "",
      HOME: cwd,
      GIT_TERMINAL_PROMPT: "0",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_AUTHOR_NAME: "A",
      GIT_AUTHOR_EMAIL: "a@b",
      GIT_COMMITTER_NAME: "A",
      GIT_COMMITTER_EMAIL: "a@b"
    }
    execFile("git", [...args], { cwd, env }, (cause, stdout, stderr) =>
      resume(Effect.succeed({ code: cause === null ? 0 : Number(cause.code), text: stdout + stderr }))
    )
  })

/** The port on 127.0.0.1 that it listens on until the scope ends. */
export const listening = (server: Server) =>
  Effect.as(
    Effect.acquireRelease(
      Effect.callback<void>((resume) => {
        server.listen(0, "127.0.0.1", () => resume(Effect.void))
      }),
      () =>
        Effect.callback<void>((resume) => {
          server.closeAllConnections()
          server.close(() => resume(Effect.void))
        })
    ),
    server
  ).pipe(Effect.map((one) => (one.address() as AddressInfo).port))
