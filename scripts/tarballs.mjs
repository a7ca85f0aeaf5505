/**
 * The tarballs as npm would publish them, and what every one of them must keep. A rule is shown to work before it is believed: for each,
 * a tarball that breaks it is made from the real one, and the rule must say so.
 */
import { spawnSync } from "node:child_process"
import { mkdirSync, readdirSync, readFileSync } from "node:fs"
import { builtinModules } from "node:module"
import { join } from "node:path"
import semver from "semver"
import { environment, root } from "./setup.mjs"
import { published } from "./version.mjs"

const run = (command, args, cwd = root) => {
  const result = spawnSync(command, args, { cwd, env: environment(), encoding: "utf8", maxBuffer: 256 * 1024 * 1024 })
  if (result.status !== 0) throw new Error(`${command} ${args[0]}: ${result.error?.message ?? result.stderr}`)
  return result.stdout
}

/** Packs every published package into `folder` and reads each tarball back, its texts by path. */
export const pack = (folder) => {
  const names = published(root)
  const packed = JSON.parse(
    run("npm", [
      "pack",
      "--json",
      "--ignore-scripts",
      "--pack-destination",
      folder,
      ...names.flatMap(({ manifest }) => ["-w", manifest.name])
    ])
  )
  return names.map(({ manifest, name }) => {
    const one = packed.find((entry) => entry.name === manifest.name)
    if (one === undefined) throw new Error(`npm pack made no tarball of ${manifest.name}`)
    const file = join(folder, one.filename)
    const unpacked = join(folder, name)
    mkdirSync(unpacked)
    run("tar", ["-xzf", file, "-C", unpacked, "--strip-components=1"])
    const texts = Object.fromEntries(
      readdirSync(unpacked, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
        .map((path) => [path.slice(unpacked.length + 1), readFileSync(path, "utf8")])
    )
    return { name, file, integrity: one.integrity, manifest: JSON.parse(texts["package.json"]), texts }
  })
}

const locked = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages
/** Where the lock has `name` for who asks at `from`: the nearest node_modules. */
const resolve = (from, name) => {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf("/node_modules/")))) {
    const path = `${at === "" ? "" : `${at}/`}node_modules/${name}`
    if (locked[path] !== undefined) return locked[path].link ? locked[path].resolved : path
    if (at === "") return null
  }
}
const needs = (entry) => [
  ...Object.keys(entry.dependencies ?? {}),
  ...Object.keys(entry.peerDependencies ?? {}).filter((name) => entry.peerDependenciesMeta?.[name]?.optional !== true)
]
/** Everything that is installed with a package, as paths of the lock. */
const installedWith = (path, found = new Set()) => {
  for (const name of needs(locked[path])) {
    const dependency = resolve(path, name)
    if (dependency === null || found.has(dependency)) continue
    found.add(dependency)
    installedWith(dependency, found)
  }
  return found
}

const license = readFileSync(join(root, "LICENSE"), "utf8")
const imports =
  /^(?:import|export)\b[^"'\n;]*?\bfrom ?["']([^"']+)["']|^import ?["']([^"']+)["']|^\s*(?:await )?import\("([^"']+)"\)/gm
const packageOf = (specifier) =>
  specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/")
const withManifest = (one, change) => ({ ...one, manifest: { ...one.manifest, ...change } })
const withText = (one, path, text) => ({ ...one, texts: { ...one.texts, [path]: text } })
const without = (one, path) => ({
  ...one,
  texts: Object.fromEntries(Object.entries(one.texts).filter(([name]) => name !== path))
})

/** Name → what is wrong with a tarball (or nothing), and a way to break it. */
const rules = {
  "carries the licence": {
    check: ({ texts }) => (texts["LICENSE"] === license ? [] : ["LICENSE is missing or is not the repository's"]),
    broken: (one) => without(one, "LICENSE")
  },
  "says what it is": {
    check: ({ manifest: m, name, texts }) => [
      ...(texts["README.md"]?.length > 200 ? [] : ["README.md says nothing"]),
      ...(m.description?.length > 10 ? [] : ["description is missing"]),
      ...(m.keywords?.length > 2 ? [] : ["keywords are missing"]),
      ...(m.license === "Apache-2.0" ? [] : ["license is not Apache-2.0"]),
      ...(URL.canParse(m.homepage) && URL.canParse(m.bugs?.url) ? [] : ["homepage or bugs is missing"]),
      ...(m.repository?.url?.startsWith("git+https://") && m.repository.directory === `packages/${name}`
        ? []
        : ["repository does not lead to the package"]),
      ...(m.publishConfig?.access === "public" && m.publishConfig.provenance === true
        ? []
        : ["publishConfig is not public with provenance"])
    ],
    broken: (one) => withManifest(one, { keywords: [] })
  },
  "shares one effect": {
    check: ({ manifest: m, name }) =>
      Object.entries(m.peerDependencies ?? {})
        .filter(([peer, range]) => /^(?:effect|@effect\/.*)$/.test(peer) && range !== "^4.1.0")
        .map(([peer, range]) => `peer ${peer} is ${range}, not ^4.1.0`)
        .concat(
          // The program is bundled, and what is installed globally has nobody to bring a peer.
          name !== "cli" && m.dependencies?.effect !== undefined ? ["effect is a dependency, and must be a peer"] : []
        ),
    broken: (one) => withManifest(one, { peerDependencies: { effect: "4.1.0" } })
  },
  "names the Node that its dependencies need": {
    check: ({ manifest: m, name }) => {
      const range = m.engines?.node
      if (semver.validRange(range) === null) return [`engines.node is ${range}`]
      return [...installedWith(`packages/${name}`)]
        .filter((path) => locked[path].engines?.node !== undefined)
        .filter((path) => !semver.subset(range, locked[path].engines.node))
        .map((path) => `engines.node is ${range}, and ${path} needs ${locked[path].engines.node}`)
    },
    broken: (one) => withManifest(one, { engines: { node: ">=12" } }),
    // A package that nothing with a floor is installed with may promise anything.
    concerns: ({ name }) =>
      [...installedWith(`packages/${name}`)].some((path) => locked[path].engines?.node !== undefined)
  },
  "declares what it imports": {
    check: ({ manifest: m, texts }) => {
      const declared = new Set([m.name, ...Object.keys({ ...m.dependencies, ...m.peerDependencies })])
      return Object.entries(texts)
        .filter(([path]) => /^dist\/(?!program\/).*\.js$/.test(path))
        .flatMap(([path, text]) =>
          [...text.matchAll(imports)]
            .map((match) => match[1] ?? match[2] ?? match[3])
            .filter((from) => !/^[.#]|^node:/.test(from) && !builtinModules.includes(from))
            .filter((from) => !declared.has(packageOf(from)))
            .map((from) => `${path} imports ${from}, which package.json does not name`)
        )
    },
    broken: (one) => withText(one, "dist/Broken.js", 'import { nobody } from "left-pad";\n')
  },
  "holds what runs and nothing else": {
    check: ({ manifest: m, texts }) => {
      const paths = Object.keys(texts)
      const entries = [...Object.values(m.exports), ...Object.values(m.bin ?? {})]
        .flatMap((entry) => (typeof entry === "string" ? [entry] : Object.values(entry)))
        .filter((path) => !path.includes("*"))
        .map((path) => path.replace(/^\.\//, ""))
      const bundle = paths.filter((path) => path.startsWith("dist/program/"))
      const asked = (path) =>
        path === "dist/program/rdev.js" ||
        bundle.some((other) => other !== path && texts[other].includes(path.slice(13)))
      return [
        ...entries.filter((path) => !paths.includes(path)).map((path) => `${path} is named and not there`),
        ...paths
          .filter((path) =>
            /swagger|tsbuildinfo|^(?:src|dist)\/.*\.test\.|^(?:test|bench|attack|node_modules)\/|\.new\//i.test(path)
          )
          .map((path) => `${path} is of no use to anybody`),
        ...bundle.filter((path) => !asked(path)).map((path) => `${path} is part of no program`)
      ]
    },
    broken: (one) => withText(one, "dist/program/httpApiSwagger-1.js", "")
  }
}

/** What is wrong with the tarballs, and what is wrong with the rules. */
export const problems = (tarballs) =>
  Object.entries(rules).flatMap(([title, { broken, check, concerns = () => true }]) => {
    const tried = tarballs.filter(concerns)
    return [
      ...(tried.length === 0 ? [`the rule "${title}" concerns no package`] : []),
      ...tarballs.flatMap((one) => check(one).map((problem) => `${one.manifest.name}: ${problem}`)),
      ...tried
        .filter((one) => check(broken(one)).length === 0)
        .map((one) => `the rule "${title}" does not see when ${one.manifest.name} breaks it`)
    ]
  })
