/**
 * Pure: what a repository that says nothing to rdev seems to be, from the names of its files and the text of a few: how it is checked and
 * how it is released, with how sure that is and why. Nothing is run, and what cannot be told is left out and said.
 */
export interface Finding {
  readonly about: "release" | "pipeline" | "repository"
  readonly confidence: "certain" | "likely" | "guess"
  /** What is concluded, and from what, in a sentence. */
  readonly reason: string
}
export interface Release {
  readonly kind: "static" | "node"
  readonly build: ReadonlyArray<string>
  /** Of a site: the folder that is served. */
  readonly publish: string | null
  /** Of a service: a command that listens on 127.0.0.1:$PORT. */
  readonly start: string | null
}
export interface Check {
  readonly name: string
  readonly image: string
  readonly command: string
}
export interface Detected {
  /** null = nothing that could be released was recognised. */
  readonly release: Release | null
  /** Empty = nothing that checks it was recognised. */
  readonly checks: ReadonlyArray<Check>
  readonly findings: ReadonlyArray<Finding>
}
/** A commit: the paths of its files, and the text of those in `probes` that are there. */
export interface Seen {
  readonly paths: ReadonlyArray<string>
  readonly text: ReadonlyMap<string, string>
}

/** Files whose text is looked at. */
export const probes: ReadonlyArray<string> = [
  "package.json",
  "pyproject.toml",
  "requirements.txt",
  ".gitattributes",
  ".gitmodules"
]

interface Manifest {
  readonly scripts: Readonly<Record<string, string>>
  readonly dependencies: ReadonlySet<string>
}
const record = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
/** The parts of a package.json that say how it is worked with; null when it is none. */
const manifestOf = (text: string): Manifest | null => {
  try {
    const parsed: unknown = JSON.parse(text.replace(/^\uFEFF/, ""))
    if (typeof parsed !== "object" || parsed === null) return null
    const { dependencies, devDependencies, scripts } = record(parsed)
    const texts = Object.entries(record(scripts)).filter((one): one is [string, string] => typeof one[1] === "string")
    return {
      scripts: Object.fromEntries(texts),
      dependencies: new Set([...Object.keys(record(dependencies)), ...Object.keys(record(devDependencies))])
    }
  } catch {
    // Not JSON: whoever reads it next says so; nothing is concluded from it here.
    return null
  }
}

interface Manager {
  readonly name: "npm" | "pnpm" | "yarn" | "bun"
  readonly lock: string | null
  readonly install: string
}
const managers: ReadonlyArray<Manager & { readonly lock: string }> = [
  { name: "npm", lock: "package-lock.json", install: "npm ci" },
  { name: "pnpm", lock: "pnpm-lock.yaml", install: "pnpm install --frozen-lockfile" },
  { name: "yarn", lock: "yarn.lock", install: "yarn install --frozen-lockfile" },
  { name: "bun", lock: "bun.lock", install: "bun install --frozen-lockfile" }
]
const node = "node:24-alpine"
const placeholder = /no test specified/

/** Where a site's build of a framework lies. */
const sites: ReadonlyArray<readonly [dependency: string, publish: string]> = [
  ["astro", "dist"],
  ["vite", "dist"],
  ["react-scripts", "build"],
  ["@11ty/eleventy", "_site"],
  ["vitepress", ".vitepress/dist"]
]

const siteWithout = (paths: ReadonlySet<string>): string | null =>
  ["dist", "public", "."].find((folder) => paths.has(folder === "." ? "index.html" : `${folder}/index.html`)) ?? null

const finding = (about: Finding["about"], confidence: Finding["confidence"], reason: string): Finding => ({
  about,
  confidence,
  reason
})

const ofNode = (manifest: Manifest, paths: ReadonlySet<string>): Detected => {
  const { dependencies, scripts } = manifest
  const manager: Manager = managers.find(({ lock }) => paths.has(lock)) ?? {
    name: "npm",
    lock: null,
    install: "npm install"
  }
  const needsInstall = dependencies.size > 0
  const run = (script: string) => (script === "test" ? `${manager.name} test` : `${manager.name} run ${script}`)
  const install = needsInstall ? [manager.install] : []
  const has = (script: string) => scripts[script] !== undefined && !placeholder.test(scripts[script])
  const checks = [
    ...install.map((command) => ({ name: "install", command })),
    ...["lint", "typecheck", "test", "build"].filter(has).map((name) => ({ name, command: run(name) }))
  ].map((check) => ({ ...check, image: node }))
  const isOnlyInstall = checks.every(({ name }) => name === "install")
  const findings: Array<Finding> = [
    finding(
      "pipeline",
      manager.lock === null && needsInstall ? "likely" : "certain",
      isOnlyInstall
        ? "package.json has none of the scripts lint, typecheck, test and build, so there is nothing that checks a change"
        : `the scripts of package.json${manager.lock === null ? "" : `, with ${manager.name} because of ${manager.lock}`}`
    )
  ]
  const build = has("build") ? [...install, run("build")] : []
  const site = sites.find(([dependency]) => dependencies.has(dependency))
  const release = ((): Release | null => {
    if (has("start") && site === undefined) {
      findings.push(
        finding(
          "release",
          "likely",
          "package.json has a script start; it has to listen on 127.0.0.1 and the port in $PORT"
        )
      )
      const start = build.length > 0 ? build : install
      return { kind: "node", build: start, publish: null, start: `${manager.name} start` }
    }
    if (site !== undefined && has("build")) {
      findings.push(finding("release", "likely", `it is built with ${site[0]}, which writes ${site[1]}`))
      return { kind: "static", build, publish: site[1], start: null }
    }
    return null
  })()
  return { release, checks: isOnlyInstall ? [] : checks, findings }
}

const ofGo = (paths: ReadonlyArray<string>): Detected => {
  const image = "golang:1.26-alpine"
  const checks = [
    { name: "vet", image, command: "go vet ./..." },
    { name: "test", image, command: "go test ./..." }
  ]
  const findings = [finding("pipeline", "certain", "go.mod: go vet and go test over all packages")]
  if (!paths.includes("main.go")) return { release: null, checks, findings }
  return {
    release: { kind: "node", build: ["go build -o server ."], publish: null, start: "./server" },
    checks,
    findings: [
      ...findings,
      finding("release", "guess", "main.go in the root; it has to listen on 127.0.0.1 and the port in $PORT")
    ]
  }
}

const ofPython = (seen: Seen): Detected => {
  const texts = `${seen.text.get("pyproject.toml") ?? ""}\n${seen.text.get("requirements.txt") ?? ""}`
  const tests = seen.paths.some((path) => /(?:^|\/)(?:test_[^/]*|[^/]*_test)\.py$/.test(path))
  const found = /\bpytest\b/.test(texts) || tests
  return {
    release: null,
    checks: found ? [{ name: "test", image: "python:3.13-alpine", command: "python -m pytest" }] : [],
    findings: [
      found
        ? finding("pipeline", "likely", "Python with tests for pytest")
        : finding("pipeline", "guess", "Python without tests that could be recognised")
    ]
  }
}

/** What is there and not taken further, so that nobody takes it for forgotten. */
const remarks = ({ paths, text }: Seen): ReadonlyArray<Finding> => [
  ...(paths.some((path) => path === "Dockerfile" || path.endsWith("/Dockerfile"))
    ? [finding("release", "certain", "there is a Dockerfile; images are not built from it here")]
    : []),
  ...(/\bfilter=lfs\b/.test(text.get(".gitattributes") ?? "")
    ? [
        finding(
          "repository",
          "certain",
          "it uses Git LFS: its pointers came in, the files behind them did not, and workspaces see the pointers"
        )
      ]
    : []),
  ...(paths.includes(".gitmodules")
    ? [
        finding(
          "repository",
          "certain",
          "it has submodules: they are kept as they are, and not fetched into workspaces"
        )
      ]
    : [])
]

export const detect = (seen: Seen): Detected => {
  const paths = new Set(seen.paths)
  const text = seen.text.get("package.json")
  const manifest = text === undefined ? null : manifestOf(text)
  const found =
    manifest !== null
      ? ofNode(manifest, paths)
      : paths.has("go.mod")
        ? ofGo(seen.paths)
        : paths.has("pyproject.toml") || paths.has("requirements.txt")
          ? ofPython(seen)
          : { release: null, checks: [], findings: [] }
  const publish = found.release === null ? siteWithout(paths) : null
  const site: Detected =
    publish === null
      ? found
      : {
          release: { kind: "static", build: [], publish, start: null },
          checks: found.checks,
          findings: [
            ...found.findings,
            finding(
              "release",
              "likely",
              `${publish === "." ? "" : `${publish}/`}index.html: a site that is served as it lies`
            )
          ]
        }
  const missing = [
    ...(site.release === null
      ? [
          finding(
            "release",
            "guess",
            "nothing that could be released was recognised: write rdev.yaml with kind, build and publish or start"
          )
        ]
      : []),
    ...(site.checks.length === 0
      ? [
          finding(
            "pipeline",
            "guess",
            "nothing that checks a change was recognised: write .woodpecker.yml with at least one step"
          )
        ]
      : [])
  ]
  return { ...site, findings: [...site.findings, ...missing, ...remarks(seen)] }
}
