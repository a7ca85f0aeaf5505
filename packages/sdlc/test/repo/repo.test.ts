import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { standardPolicy } from "../../src/model/Presets.ts"
import { canonicalJson } from "../../src/repo/Digest.ts"
import * as Layout from "../../src/repo/Layout.ts"
import * as PolicyFile from "../../src/repo/PolicyFile.ts"
import * as Repo from "../../src/repo/Repo.ts"
import * as Trust from "../../src/repo/Trust.ts"
import { agent, append, human, project, put, spec, stamp, withFeature } from "./Trees.ts"

const eventFiles = (files: ReadonlyMap<string, string>): ReadonlyArray<string> =>
  [...files.keys()].filter((path) => path.includes("/events/"))

describe("project and feature", () => {
  it("init writes once and leaves what is there alone", () => {
    const files = project()
    expect([...files.keys()]).toEqual([Layout.policyPath, Layout.ignorePath])
    expect(Repo.initProject(files)).toEqual([])
    expect(PolicyFile.parse(files.get(Layout.policyPath) ?? "")).toMatchObject({ _tag: "Ok", value: standardPolicy })
  })
  it("a new feature loads without errors", () => {
    const loaded = Repo.load(withFeature(), "hello")
    expect(loaded.errors).toEqual([])
    expect(loaded.integrity).toBe("ok")
    expect(loaded.feature?.id).toBe(loaded.events[0]?.id)
    expect(loaded.events.map((event) => event.type)).toEqual(["feature-created"])
  })
  it("refuses bad and taken slugs and changes nothing", () => {
    const files = withFeature()
    expect(() => Repo.createFeature(files, { slug: "hello", title: "x", kind: "feature" }, stamp(1))).toThrow(
      /slug: "hello" is taken/
    )
    for (const slug of ["", "A", "a_b", "-a", "../x", "a".repeat(64)])
      expect(() => Repo.createFeature(files, { slug, title: "x", kind: "feature" }, stamp(1))).toThrow(/^slug: /)
  })
  it("lists features and ignores other files", () => {
    const files = withFeature()
    put(files, Repo.createFeature(files, { slug: "abc", title: "x", kind: "bugfix" }, stamp(5)).writes)
    files.set(".sdlc/features/README.md", "x")
    files.set(".sdlc/features/Bad_Name/x", "x")
    expect(Repo.listFeatures(files)).toEqual(["abc", "hello"])
  })
  it("refuses events that do not fit their schema, naming the field", () => {
    const loaded = Repo.load(withFeature(), "hello")
    const wrong = {
      type: "artifact-submitted",
      data: { kind: "spex", hash: "md1:a", upstream: {} }
    } as unknown as Repo.Draft
    expect(() => Repo.appendEvent(loaded, wrong, stamp(2))).toThrow(/artifact-submitted: data\.kind: Expected "spec"/)
  })
})

describe("documents", () => {
  it("carry digest, findings and questions", () => {
    const files = withFeature()
    files.set(".sdlc/features/hello/spec.md", spec)
    files.set(
      ".sdlc/features/hello/tasks.md",
      "- task-001: a\n  - covers: REQ-009\n  - verify: `true`\n\n[NEEDS CLARIFICATION: what?]"
    )
    const { artifacts } = Repo.load(files, "hello")
    expect(artifacts.spec).toMatchObject({ kind: "spec", lint: [], openQuestions: 0 })
    expect(artifacts.spec?.hash).toMatch(/^md1:[0-9a-f]{64}$/)
    expect(artifacts.tasks?.openQuestions).toBe(1)
    expect(
      artifacts.tasks?.lint.filter((finding) => finding.severity === "error").map((finding) => finding.rule)
    ).toEqual(["unknown-requirement", "uncovered-requirement"])
    expect(artifacts.tasks?.tasks).toEqual([
      { id: "task-001", title: "a", deps: [], covers: ["REQ-009"], writes: [], verify: ["true"] }
    ])
    expect(artifacts.design).toBeUndefined()
  })
  it("say so when they are not UTF-8", () => {
    const files = new Map<string, string | Uint8Array>(withFeature())
    files.set(".sdlc/features/hello/spec.md", new Uint8Array([0xff, 0xfe, 0x41]))
    expect(Repo.load(files, "hello").artifacts.spec?.lint[0]).toMatchObject({ rule: "not-utf8", severity: "error" })
  })
})

describe("two branches", () => {
  it("merge without a common file and load to one state in any order", () => {
    const base = withFeature("hello", 2)
    const left = new Map(base)
    const right = new Map(base)
    append(left, "hello", { type: "paused", data: { reason: "left" } }, 1_700_000_100_000)
    append(left, "hello", { type: "resumed", data: {} }, 1_700_000_300_000)
    append(right, "hello", { type: "thread-opened", data: { thread: "t1" } }, 1_700_000_200_000, agent)
    const added = (side: Map<string, string>): ReadonlyArray<string> =>
      [...side.keys()].filter((path) => !base.has(path))
    expect(added(left).filter((path) => added(right).includes(path))).toEqual([])
    const merged = new Map([...left, ...right])
    const other = new Map([...right, ...left].toReversed())
    const one = Repo.load(merged, "hello")
    expect(one.errors).toEqual([])
    expect(one.heads).toHaveLength(2)
    expect(Repo.load(other, "hello")).toEqual(one)
    append(merged, "hello", { type: "cost-recorded", data: { cost: {} } }, 1_700_000_400_000)
    const joined = Repo.load(merged, "hello")
    expect(joined.errors).toEqual([])
    expect(joined.heads).toHaveLength(1)
    expect(joined.events.at(-1)?.parents).toHaveLength(2)
  })
  it("order is the DAG's, then the id's, even when clocks disagree", () => {
    const files = withFeature()
    append(files, "hello", { type: "paused", data: { reason: "late clock" } }, 1_900_000_000_000)
    append(files, "hello", { type: "resumed", data: {} }, 1_600_000_000_000)
    expect(Repo.load(files, "hello").events.map((event) => event.type)).toEqual([
      "feature-created",
      "paused",
      "resumed"
    ])
  })
})

describe("corrupt files are named", () => {
  const files = withFeature("hello", 3)
  const paths = eventFiles(files).toSorted()
  const damage: ReadonlyArray<readonly [string, (tree: Map<string, string>) => string, RegExp]> = [
    ["truncated", (tree) => (tree.set(paths[1]!, tree.get(paths[1]!)!.slice(0, 40)), paths[1]!), /not JSON/],
    [
      "unknown field",
      (tree) => (tree.set(paths[1]!, tree.get(paths[1]!)!.replace('"actor"', '"x": 1, "actor"')), paths[1]!),
      /x: unknown field/
    ],
    [
      "wrong type",
      (tree) => (tree.set(paths[1]!, tree.get(paths[1]!)!.replace('"usd": 0', '"usd": "0"')), paths[1]!),
      /data\.cost\.usd/
    ],
    [
      "altered",
      (tree) => (tree.set(paths[1]!, tree.get(paths[1]!)!.replace('"usd": 0', '"usd": 5')), paths[2]!),
      /hash chain.*altered/
    ],
    ["missing parent", (tree) => (tree.delete(paths[1]!), paths[2]!), /hash chain: its parent \w{26} is missing/],
    [
      "renamed",
      (tree) => {
        const path = paths[3]!.replace("cost-recorded", "paused")
        tree.set(path, tree.get(paths[3]!)!)
        tree.delete(paths[3]!)
        return path
      },
      /its name says/
    ],
    [
      "foreign name",
      (tree) => (tree.set(".sdlc/features/hello/events/notes.json", "{}"), ".sdlc/features/hello/events/notes.json"),
      /name is not <ulid>/
    ],
    [
      "second creation",
      (tree) => {
        const other = withFeature("hello")
        const path = eventFiles(other)[0]!
        tree.set(path, other.get(path)!)
        return path
      },
      /second creation/
    ],
    ["too large", (tree) => (tree.set(paths[1]!, " ".repeat(300_000)), paths[1]!), /larger than/],
    [
      "forged evidence",
      (tree) => {
        const path = `.sdlc/features/hello/evidence/${"a".repeat(64)}.intoto.json`
        tree.set(path, "{}")
        return path
      },
      /content has the digest 44136fa3/
    ],
    [
      "broken identity",
      (tree) => (tree.set(".sdlc/features/hello/feature.yaml", "v: 1\nid: x\n"), ".sdlc/features/hello/feature.yaml"),
      /id: Expected a text that matches/
    ],
    [
      "status in identity",
      (tree) => (
        tree.set(
          ".sdlc/features/hello/feature.yaml",
          `${tree.get(".sdlc/features/hello/feature.yaml")!}status: released\n`
        ),
        ".sdlc/features/hello/feature.yaml"
      ),
      /status: unknown field/
    ],
    ["no policy", (tree) => (tree.delete(Layout.policyPath), Layout.policyPath), /missing/],
    [
      "misspelt gate",
      (tree) => (tree.set(Layout.policyPath, "gates: { spek: off }"), Layout.policyPath),
      /gates\.spek: unknown field/
    ]
  ]
  it.each(damage)("%s", (_name, apply, problem) => {
    const tree = new Map(files)
    const file = apply(tree)
    const loaded = Repo.load(tree, "hello")
    expect(loaded.integrity).toBe("corrupt")
    const error = loaded.errors.find((candidate) => candidate.file === file)
    expect(error?.problem).toMatch(problem)
    expect(error?.fix).toBeTruthy()
  })
  it("an unknown feature is an error, not a crash", () => {
    expect(Repo.load(files, "nope").errors[0]).toMatchObject({
      file: ".sdlc/features/nope/feature.yaml",
      problem: "missing"
    })
    expect(Repo.load(files, "../x").errors[0]?.problem).toMatch(/not a slug/)
  })
})

describe("policy file", () => {
  const wrong: ReadonlyArray<readonly [string, RegExp, RegExp]> = [
    ["gates: { spec: humn }", /^gates\.spec: Expected "human"/, /human, agent, auto or off/],
    ["maxAttempts: 0", /^maxAttempts: /, /1 to 1000/],
    ["wip: many", /^wip: /, /whole number/],
    ["keyring: [{ id: a }]", /^keyring\.0\.ed25519: missing/, /ed25519/],
    ["presets: { lean: { gates: { specs: off } } }", /^presets\.lean\.gates\.specs: unknown field/, /correct its name/],
    ["a: [1", /^not YAML/, /README/],
    ["- 1", /Expected object|Expected/, /README/]
  ]
  it.each(wrong)("%s", (text, problem, fix) => {
    const parsed = PolicyFile.parse(text)
    expect(parsed._tag === "Bad" ? parsed.problem : "").toMatch(problem)
    expect(PolicyFile.fixFor(parsed._tag === "Bad" ? parsed.problem : "")).toMatch(fix)
  })
  it("lays presets over the base ones", () => {
    const parsed = PolicyFile.parse("presets: { mine: { reviewers: 2 } }")
    expect(parsed._tag === "Ok" ? Object.keys(parsed.value.presets) : []).toEqual([
      ...Object.keys(standardPolicy.presets),
      "mine"
    ])
  })
})

const last = (files: Map<string, string>): unknown => Repo.load(files, "hello").events.at(-1)?.trusted

describe("signatures", () => {
  const pair = Trust.generate()
  const key = Trust.signingKey("platform", pair.privatePem)
  const approve: Repo.Draft = { type: "verdict", data: { gate: "spec", subject: "md1:aa", verdict: "approve" } }
  const keyed = (principals?: ReadonlyArray<string>): Map<string, string> => {
    const files = project()
    files.set(
      Layout.policyPath,
      `keyring:\n  - id: platform\n    ed25519: ${pair.publicKey}\n${principals === undefined ? "" : `    principals: ${JSON.stringify(principals)}\n`}`
    )
    put(
      files,
      Repo.createFeature(
        files,
        { slug: "hello", title: "Hello", kind: "feature" },
        stamp(1_700_000_000_000, human, key)
      ).writes
    )
    return files
  }

  it("a signed approval counts", () => {
    const files = keyed()
    append(files, "hello", approve, 1_700_000_001_000, human, key)
    expect(last(files)).toBe(true)
    expect(Repo.load(files, "hello").warnings).toEqual([])
  })
  it("an unsigned one in the name of a person does not, and is named", () => {
    const files = keyed()
    const { path } = append(files, "hello", approve, 1_700_000_001_000, human)
    const loaded = Repo.load(files, "hello")
    expect(loaded.integrity).toBe("ok")
    expect(loaded.events.at(-1)?.trusted).toBe(false)
    expect(loaded.warnings).toEqual([
      expect.objectContaining({ file: path, problem: "does not count: it is not signed" })
    ])
  })
  it("a changed signed event does not count", () => {
    const files = keyed()
    const { path, content } = append(files, "hello", approve, 1_700_000_001_000, human, key)
    files.set(path, content.replace("md1:aa", "md1:bb"))
    expect(last(files)).toBe(false)
  })
  it("a foreign key and a key that may not speak for the person do not count", () => {
    const other = Trust.signingKey("platform", Trust.generate().privatePem)
    const files = keyed()
    append(files, "hello", approve, 1_700_000_001_000, human, other)
    expect(last(files)).toBe(false)
    const bound = keyed(["human:eve", human.id])
    append(bound, "hello", approve, 1_700_000_001_000, { id: "human:mallory", type: "human" }, key)
    expect(Repo.load(bound, "hello").warnings[0]?.problem).toMatch(/may not speak for human:mallory/)
  })
  it("an agent's own words need no signature, words with authority do", () => {
    const files = keyed()
    append(files, "hello", { type: "task-claimed", data: { task: "task-001" } }, 1_700_000_001_000, agent)
    expect(last(files)).toBe(true)
    for (const draft of [
      { type: "merged", data: { sha: "a", outOfBand: false } },
      { type: "task-verified", data: { task: "task-001", evidence: "sha256:a" } },
      { type: "ci-recorded", data: { tree: "code1:a", sha: "a", run: "1", status: "passed" } }
    ] satisfies ReadonlyArray<Repo.Draft>) {
      append(files, "hello", draft, 1_700_000_002_000, agent)
      expect(last(files)).toBe(false)
    }
    append(
      files,
      "hello",
      { type: "ci-recorded", data: { tree: "code1:a", sha: "a", run: "1", status: "passed" } },
      1_700_000_003_000,
      { id: "ci:x", type: "ci" }
    )
    expect(last(files)).toBe(false)
  })
  it("a signed approval cannot be replayed in another feature", () => {
    const files = keyed()
    const { path, content } = append(files, "hello", approve, 1_700_000_001_000, human, key)
    put(
      files,
      Repo.createFeature(
        files,
        { slug: "other", title: "Other", kind: "feature" },
        stamp(1_700_000_002_000, human, key)
      ).writes
    )
    const copy = path.replace("/hello/", "/other/")
    files.set(copy, content)
    expect(Repo.load(files, "other").errors[0]).toMatchObject({ file: copy, problem: expect.stringMatching(/parent/) })
  })
})

describe("event files", () => {
  it("are byte-equal for equal stamps and sorted", () => {
    const loaded = Repo.load(withFeature(), "hello")
    const fixed: Repo.Stamp = { actor: human, timeMillis: 1_700_000_009_000, random: new Uint8Array(10) }
    const one = Repo.appendEvent(loaded, { type: "paused", data: { reason: "x" } }, fixed)
    expect(Repo.appendEvent(loaded, { type: "paused", data: { reason: "x" } }, fixed).content).toBe(one.content)
    expect(canonicalJson(JSON.parse(one.content))).toBe(canonicalJson(one.event))
  })
  it("any set of concurrent branches loads to the same order", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(3), fc.nat(1000)), { maxLength: 12 }),
        fc.infiniteStream(fc.nat()),
        (steps, shuffle) => {
          const branches = [withFeature()]
          for (const [index, delay] of steps) {
            const from = branches[index % branches.length]!
            const next = new Map(from)
            append(next, "hello", { type: "cost-recorded", data: { cost: { usd: delay } } }, 1_700_000_001_000 + delay)
            branches.push(next)
          }
          const union = branches.flatMap((branch) => [...branch])
          const expected = Repo.load(new Map(union), "hello")
          const shuffled = union
            .map((entry) => [shuffle.next().value, entry] as const)
            .toSorted((a, b) => a[0] - b[0])
            .map(([, entry]) => entry)
          const again = Repo.load(new Map(shuffled), "hello")
          expect(expected.errors).toEqual([])
          expect(again.events.map((event) => event.id)).toEqual(expected.events.map((event) => event.id))
        }
      ),
      { numRuns: 60 }
    )
  })
})
