// Checks every source file: no trailing white space, tab or conflict marker, one line end at its end, and imports of files that exist.
import { existsSync, readdirSync, readFileSync } from "node:fs"

const root = new URL("../", import.meta.url)
const files = ["src", "test", "tools"].flatMap((folder) =>
  readdirSync(new URL(folder, root), { recursive: true }).map((name) => `${folder}/${name}`)).filter((name) => /\.(mjs)$/.test(name)).sort()

const problems = []
for (const file of files) {
  const text = readFileSync(new URL(file, root), "utf8")
  text.split("\n").forEach((line, index) => {
    if (/[ \t]$/.test(line)) problems.push(`${file}:${index + 1}: trailing white space: remove it`)
    if (line.includes("\t")) problems.push(`${file}:${index + 1}: tab: indent with two spaces`)
    if (/^(<{7}|>{7}|={7})( |$)/.test(line)) problems.push(`${file}:${index + 1}: conflict marker: resolve the conflict`)
  })
  if (!text.endsWith("\n") || text.endsWith("\n\n")) problems.push(`${file}: end the file with exactly one line end`)
  for (const [, target] of text.matchAll(/^(?:import|export)\b[^"]*"(\.[^"]+)"/gm)) {
    if (!existsSync(new URL(target, new URL(file, root)))) problems.push(`${file}: imports ${target}, which does not exist`)
  }
}
for (const problem of problems) console.error(problem)
console.log(`${files.length} files checked, ${problems.length} problems`)
process.exitCode = problems.length === 0 ? 0 : 1
