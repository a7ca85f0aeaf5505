/**
 * `npm run version`: turns the changesets into a new version of every package and writes it wherever else it stands, so that nothing is
 * left stale: the API document, the action's default command, the list of what each release's SQL is made of, the lock. `problems` says what
 * is stale in a tree.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as lock from "./lock.mjs"
import { root, run } from "./setup.mjs"

const json = (path) => JSON.parse(readFileSync(path, "utf8"))
/** The published packages of the tree at `folder`, and what their manifests say. */
export const published = (folder) =>
  readdirSync(join(folder, "packages"))
    .map((name) => ({ name, manifest: json(join(folder, "packages", name, "package.json")) }))
    .filter(({ manifest }) => manifest.private !== true)

/** Where the version stands besides the manifests, and how it is found there. */
const mentions = [
  { file: "packages/api/src/Version.ts", pattern: /(?<=export const version = ")[^"]+(?=")/ },
  { file: "docs/adapters/writing.md", pattern: /(?<="@rdev\/core": ")[^"]+(?=")/ },
  { file: "packages/sdlc/action/action.yml", pattern: /(?<=@rdev\/sdlc@)[^\s"']+/ }
]

/** What does not say the version that the packages say. */
export const problems = (folder) => {
  const versions = new Set(published(folder).map(({ manifest }) => manifest.version))
  if (versions.size !== 1) return [`the packages have ${versions.size} versions: ${[...versions].join(", ")}`]
  const [version] = versions
  const wrong = (where, found) => (found === version ? [] : [`${where} says ${found}, the packages say ${version}`])
  const locked = json(join(folder, "package-lock.json")).packages
  return [
    ...mentions.flatMap(({ file, pattern }) =>
      wrong(file, pattern.exec(readFileSync(join(folder, file), "utf8"))?.[0] ?? "nothing")
    ),
    ...wrong("packages/api/openapi.json", json(join(folder, "packages/api/openapi.json")).info.version),
    ...published(folder).flatMap(({ name }) =>
      wrong(`package-lock.json: packages/${name}`, locked[`packages/${name}`]?.version)
    ),
    ...Object.entries(locked)
      .filter(([path]) => /^(?:packages|examples)\//.test(path))
      .flatMap(([path, entry]) =>
        Object.entries({ ...entry.dependencies, ...entry.devDependencies, ...entry.peerDependencies })
          .filter(([name]) => name.startsWith("@rdev/"))
          .flatMap(([name, range]) => wrong(`package-lock.json: ${path}: ${name}`, range))
      )
  ]
}

const must = (what, problem) => {
  if (problem === null || problem === 0) return
  console.error(`version: ${what} failed${typeof problem === "string" ? `: ${problem}` : ""}`)
  process.exit(1)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  must("changeset version", run("changeset", ["version"]))
  const [{ manifest }] = published(root)
  for (const { file, pattern } of mentions) {
    const path = join(root, file)
    writeFileSync(path, readFileSync(path, "utf8").replace(pattern, manifest.version))
  }
  must("the API document", run("npm", ["run", "--silent", "openapi", "-w", "@rdev/api"]))
  const noted = ["--conditions=@rdev/source", "packages/adapter-postgres/src/noteRelease.ts", manifest.version]
  must("the list of SQL releases", run("node", noted))
  must("the lock", lock.write(root))
  const stale = problems(root)
  for (const problem of stale) console.error(problem)
  console.log(`version: ${manifest.version}, ${stale.length} problems`)
  process.exit(stale.length === 0 ? 0 : 1)
}
