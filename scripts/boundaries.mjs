/**
 * Checks the arrows of the house: which package may import which, in sources and in package.json. An import may only run
 * along sdlc ← core ← api ← {server, cli, studio}; core ← conformance; core ← runtime-node ← git ← adapter-*. Adapters never import each other, and
 * the server imports them in its installation/ alone, dynamically; nothing imports another package's files by a relative path;
 * conformance is for tests. What runs in browsers too imports nothing of Node's and of ours only what does the same; the command
 * line asks a server through the client alone. And which files may touch the file system (fileAccess.mjs).
 */
import { readdirSync, readFileSync, statSync } from "node:fs"
import { dirname, join, relative, resolve } from "node:path"
import * as fileAccess from "./fileAccess.mjs"
import { root } from "./setup.mjs"

const packagesDir = join(root, "packages")
const packages = readdirSync(packagesDir).filter((name) => statSync(join(packagesDir, name)).isDirectory())
const adapters = packages.filter((name) => name.startsWith("adapter-"))

const direct = {
  sdlc: [],
  core: ["sdlc"],
  conformance: ["core", "sdlc"],
  "runtime-node": ["core"],
  git: ["core", "sdlc", "runtime-node"],
  api: ["core"],
  studio: ["api"],
  server: ["core", "sdlc", "api", "runtime-node", "git"],
  cli: ["api", "server"],
  ...Object.fromEntries(adapters.map((name) => [name, ["core", "git", "sdlc", "runtime-node"]]))
}
/** Adapters are chosen by the installation: imported there when a slot asks for them, and nowhere else. */
const choosing = { package: "server", folder: "installation/" }
/** Who is installed with adapters: a server without any is of use to those who bring their own. */
const mayDepend = { server: adapters, cli: [...adapters, "runtime-node"] }
/** What a third party's library may not be needed for: the classifier depends on effect (and yaml) alone. */
const foreignAllowed = { sdlc: ["effect", "yaml"] }
/** Arrows between folders of one package: what a file below the first folder may not import of the second, and why. */
const rooms = {
  core: [
    [
      "ports",
      /^(memory|services|queue|operations)\//,
      "a port is a contract; it imports the domain and other ports only"
    ],
    ["domain", /^(ports|memory|services|queue|operations|redaction)\//, "the domain imports nothing of the house"]
  ]
}
/** No folder of sources holds more files than a reader takes in at a glance. */
const mostFiles = 25
/** The one file of a package that may import a vendor's SDK is an adapter's matter; core never does. */
const foreignForbidden = {
  core: [/^pg$/, /^@electric-sql\//, /^ioredis$/, /^@kubernetes\//, /^octokit$/, /^@effect\/platform-node/]
}

/** Folders whose code runs in browsers, and what it may import besides its own folder. */
const forBrowsers = [
  { folder: "core/src/domain", may: [/^effect$/, /^@rdev\/sdlc\/model\//] },
  { folder: "api/src", may: [/^effect(\/|$)/, /^@rdev\/core\/domain\//] }
]
const comments = /\/\*[^]*?\*\/|(?<!:)\/\/[^\n]*/g
const ofNode = /(?<![\w.$"'`-])(?:Buffer|process|global|require|setImmediate|__dirname|__filename)(?=[.(?[])/
const browserProblems = (path, text, specifiers) => {
  const rule = forBrowsers.find(({ folder }) => path.startsWith(`${folder}/`))
  if (rule === undefined) return []
  const outside = (specifier) =>
    specifier.startsWith(".")
      ? !resolve("/", path, "..", specifier).startsWith(`/${rule.folder}/`)
      : !rule.may.some((pattern) => pattern.test(specifier))
  const used = ofNode.exec(text.replaceAll(comments, ""))
  return [
    ...specifiers
      .filter(outside)
      .map((specifier) => `packages/${path}: imports ${specifier}, and must run in a browser`),
    ...(used === null ? [] : [`packages/${path}: uses ${used[0]}, which browsers do not have`])
  ]
}

/** The command line asks a server through the client of @rdev/api alone. What else it asks for over HTTP, and why. */
const overHttp = { "cli/src/Up.ts": "the page of a release, by its host's name, which no fetch can be told" }
const httpProblems = (path, text, specifiers) =>
  path.startsWith("cli/src/") &&
  overHttp[path] === undefined &&
  (/(?<![\w.])fetch\(/.test(text.replaceAll(comments, "")) ||
    specifiers.some((one) => /^(?:node:)?(?:https?|http2|net|tls)$|^undici|^effect\/http\//.test(one)))
    ? [`packages/${path}: asks over HTTP by itself; use the client of @rdev/api`]
    : []

const files = (dir) => {
  let entries
  try {
    entries = readdirSync(dir, { withFileTypes: true })
  } catch (error) {
    if (error.code === "ENOENT") return []
    throw error
  }
  return entries.flatMap((entry) =>
    entry.isDirectory()
      ? entry.name === "node_modules" || entry.name === "dist"
        ? []
        : files(join(dir, entry.name))
      : /\.(ts|tsx|mts)$/.test(entry.name)
        ? [join(dir, entry.name)]
        : []
  )
}
const importPattern =
  /(?:^|[\s;])(?:import|export)\s[^"';]*?from\s*["']([^"']+)["']|(?:^|[\s;])import\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)/g
const importsOf = (text) => [...text.matchAll(importPattern)].map((match) => match[1] ?? match[2] ?? match[3])

/** Only by `import(…)`: what is imported otherwise is loaded whether it is chosen or not. */
const isDynamic = (text, specifier) => {
  const quoted = `["']${specifier.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")}["']`
  return !new RegExp(`(?:from|import)\\s*${quoted}`).test(text)
}

const problems = []
let checked = 0
for (const name of packages) {
  const allowed = direct[name]
  if (allowed === undefined) {
    problems.push(`packages/${name}: not in the list of scripts/boundaries.mjs; say there what it may import`)
    continue
  }
  const base = join(packagesDir, name)
  const sources = new Map()
  const crowd = new Map()
  for (const room of ["src", "test", "bench", "attack"]) {
    // Tests run against our own adapters.
    const mayImport =
      room === "src" ? allowed : [...allowed, "conformance", ...(name === choosing.package ? adapters : [])]
    for (const file of files(join(base, room))) {
      checked++
      const where = relative(root, file)
      const text = readFileSync(file, "utf8")
      if (room === "src") {
        const path = relative(join(base, room), file)
        sources.set(path, text)
        const folder = dirname(path)
        crowd.set(folder, (crowd.get(folder) ?? 0) + 1)
        problems.push(...fileAccess.check(name, path, text))
        problems.push(...browserProblems(`${name}/src/${path}`, text, importsOf(text)))
        problems.push(...httpProblems(`${name}/src/${path}`, text, importsOf(text)))
      }
      for (const specifier of importsOf(text)) {
        if (specifier.startsWith(".")) {
          const target = resolve(file, "..", specifier)
          if (!target.startsWith(`${base}/`))
            problems.push(
              `${where}: imports ${specifier}, which lies outside packages/${name}; import the package by its name`
            )
          const from = relative(join(base, "src"), file)
          const to = relative(join(base, "src"), target)
          for (const [folder, forbidden, reason] of rooms[name] ?? [])
            if (room === "src" && from.startsWith(`${folder}/`) && forbidden.test(to))
              problems.push(`${where}: imports ${specifier}; ${reason}`)
          continue
        }
        const own = /^@rdev\/([^/]+)/.exec(specifier)?.[1]
        if (own !== undefined && own !== "source") {
          const chosen =
            name === choosing.package &&
            relative(join(base, "src"), file).startsWith(choosing.folder) &&
            isDynamic(text, specifier)
          if (own !== name && !mayImport.includes(own) && !(chosen && adapters.includes(own)))
            problems.push(`${where}: ${name} may not import @rdev/${own} (allowed: ${mayImport.join(", ") || "none"})`)
        } else if (room === "src" && !specifier.startsWith("node:")) {
          const root_ = specifier.startsWith("@") ? specifier.split("/").slice(0, 2).join("/") : specifier.split("/")[0]
          if (foreignAllowed[name] !== undefined && !foreignAllowed[name].includes(root_))
            problems.push(`${where}: ${name} may not depend on ${root_}`)
          if (foreignForbidden[name]?.some((pattern) => pattern.test(specifier)))
            problems.push(`${where}: ${name} may not import ${specifier}; that belongs in an adapter`)
        }
      }
    }
  }
  problems.push(...fileAccess.stale(name, sources))
  for (const [folder, count] of crowd)
    if (count > mostFiles)
      problems.push(`packages/${name}/src/${folder}: ${count} files; at most ${mostFiles}, so divide it by subject`)
  const manifest = JSON.parse(readFileSync(join(base, "package.json"), "utf8"))
  for (const dependency of Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })) {
    const own = /^@rdev\/(.+)/.exec(dependency)?.[1]
    if (own !== undefined && !allowed.includes(own) && mayDepend[name]?.includes(own) !== true)
      problems.push(`packages/${name}/package.json: may not depend on @rdev/${own}`)
  }
  for (const [dependency, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
    if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
      problems.push(`packages/${name}/package.json: ${dependency} is ${version}; pin an exact version`)
  }
}
for (const problem of problems) console.error(problem)
console.log(`boundaries: ${checked} files of ${packages.length} packages, ${problems.length} problems`)
process.exit(problems.length === 0 && checked > 0 ? 0 : 1)
