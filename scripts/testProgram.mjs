/**
 * `node scripts/testProgram.mjs ENTRY.ts`: prints the path of a program of the tests in a few files, bundled from the sources as the
 * command line is, which takes a sixth of the processor time to load that its modules do. What was bundled before is taken when no file in it
 * has changed. Several may run at once. Programs lie in node_modules, where their imports of packages are looked up from.
 */
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs"
import { basename, join, relative, resolve } from "node:path"
import { bundle } from "../packages/cli/scripts/program.ts"
import { root } from "./setup.mjs"

const entry = resolve(process.argv[2] ?? "")
const name = basename(entry, ".ts")
const key = createHash("sha256").update(relative(root, entry)).digest("hex").slice(0, 12)
const folder = join(root, "node_modules", ".rdev-tests", `${name}-${key}`)
const note = join(folder, "built.json")

/** Its path, when everything that it was made of is as it was then. */
const built = () => {
  if (!existsSync(note)) return undefined
  const { inputs, program } = JSON.parse(readFileSync(note, "utf8"))
  const same = ([path, millis]) => existsSync(path) && statSync(path).mtimeMs === millis
  return existsSync(program) && Object.entries(inputs).every(same) ? program : undefined
}

const build = async () => {
  const outdir = join(folder, String(process.pid))
  mkdirSync(folder, { recursive: true })
  const { inputs } = await bundle({ entryPoints: { [name]: entry }, outdir })
  const program = join(outdir, `${name}.js`)
  writeFileSync(
    `${note}.${process.pid}`,
    JSON.stringify({ program, inputs: Object.fromEntries(inputs.map((path) => [path, statSync(path).mtimeMs])) })
  )
  renameSync(`${note}.${process.pid}`, note)
  return program
}

console.log(built() ?? (await build()))
