/** `sdlc mcp`: serves until the client closes the input. */
import * as Server from "../../mcp/Server.ts"
import { serve } from "../../mcp/Stdio.ts"
import { done, type Result } from "../Result.ts"
import type * as Session from "../Session.ts"
import { version } from "./Version.ts"

export const spec = { positionals: [], flags: {} } as const

export const run = async (session: Session.Session): Promise<Result> => {
  const { run: runCommand } = await import("../Run.ts")
  const command: Server.RunCommand = async (argv, env) => {
    let output = ""
    const collect = (text: string): void => void (output += text)
    const code = await runCommand(argv, env, session.root, { out: collect, err: collect })
    return { code, output }
  }
  await serve(Server.make(command, session.env, version), process.stdin, process.stdout)
  return done("", {})
}
