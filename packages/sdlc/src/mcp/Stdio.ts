/** Connects the MCP server to a pair of streams. Requests are answered in the order in which they came; the end of input ends it. */
import type { Readable, Writable } from "node:stream"
import { maxLine, type Server } from "./Server.ts"

export const serve = async (server: Server, input: Readable, output: Writable): Promise<void> => {
  let rest = ""
  let skipping = false
  const respond = async (line: string): Promise<void> => {
    if (line.trim() === "") return
    const answer = await server.handle(line)
    if (answer !== null && !output.write(`${answer}\n`)) await new Promise((resolve) => output.once("drain", resolve))
  }
  input.setEncoding("utf8")
  for await (const chunk of input) {
    const lines = (rest + String(chunk)).split("\n")
    rest = lines.pop() ?? ""
    for (const line of lines) {
      if (!skipping) await respond(line)
      skipping = false
    }
    if (rest.length > maxLine) {
      if (!skipping) await respond(rest)
      skipping = true
      rest = ""
    }
  }
  if (!skipping) await respond(rest)
}
