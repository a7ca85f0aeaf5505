/**
 * The small build of `sdlc`: `next` and `features`, without the `yaml` package. Anything else, and any file that needs the
 * whole of YAML, is told to go to the full program by answering `null`.
 */
import * as Features from "./commands/Features.ts"
import * as Next from "./commands/Next.ts"
import { NeedsYaml } from "../repo/NeedsYaml.ts"
import { type Streams, runEntry } from "./RunEntry.ts"
import type { Env } from "./Identity.ts"

const entries = {
  next: { spec: Next.spec, run: Next.run },
  features: { spec: Features.spec, run: Features.run }
} as const

export const run = async (
  argv: ReadonlyArray<string>,
  env: Env,
  cwd: string,
  streams: Streams
): Promise<number | null> => {
  const command = argv[0]
  if ((command !== "next" && command !== "features") || argv.includes("--help") || argv.includes("-h")) return null
  // Nothing is printed before the answer is whole, so the full program can start over.
  let printed: Array<() => void> = []
  try {
    const held: Streams = {
      out: (text) => void printed.push(() => streams.out(text)),
      err: (text) => void printed.push(() => streams.err(text))
    }
    const code = await runEntry(command, entries[command], argv.slice(1), env, cwd, held, Date.now())
    for (const print of printed) print()
    return code
  } catch (cause) {
    if (cause instanceof NeedsYaml) return null
    throw cause
  }
}
