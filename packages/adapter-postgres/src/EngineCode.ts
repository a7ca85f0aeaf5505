/**
 * The embedded engine's machine code. Compiling it takes a tenth of a second on threads of the runtime's own, so a start that asks
 * for it first gets it for nothing; this file therefore imports nothing but Node. One compilation serves every engine of a process.
 */
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"

const file = (): string => join(dirname(createRequire(import.meta.url).resolve("@electric-sql/pglite")), "pglite.wasm")

let compiled: Promise<WebAssembly.Module> | undefined

// Read without yielding: whoever begins early goes on to block this thread, and a read's answer would wait for that.
const begin = async () => WebAssembly.compile(readFileSync(file()))

/** Begins at the first call. A failure is told to everybody who awaits it; the next call tries again. */
export const compile = (): Promise<WebAssembly.Module> => {
  if (compiled !== undefined) return compiled
  const begun = begin()
  begun.catch(() => {
    compiled = undefined
  })
  return (compiled = begun)
}
