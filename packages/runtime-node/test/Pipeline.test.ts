import { assert, describe, it } from "@effect/vitest"
import * as Pipeline from "../src/pipeline/Pipeline.ts"

const parse = (text: string) => Pipeline.parse(text, ".woodpecker.yml")
const message = (text: string): string => {
  try {
    parse(text)
  } catch (cause) {
    assert.instanceOf(cause, Pipeline.PipelineError)
    return (cause as Error).message
  }
  return "no error"
}

describe("Pipeline", () => {
  it("reads steps as a list", () => {
    const { steps } = parse(`
when:
  - event: push
    branch: main
steps:
  - name: build
    image: node:24
    directory: app
    environment: { A: 1, B: "two", EMPTY: null }
    commands:
      - npm run build
      - echo done
  - name: test
    image: node:24
    failure: ignore
    environment: [ "C=x=y" ]
    commands: npm test
`)
    assert.deepStrictEqual(
      steps.map((s) => [s.name, s.image, s.commands.length, s.directory, s.ignoreFailure]),
      [
        ["build", "node:24", 2, "app", false],
        ["test", "node:24", 1, "", true]
      ]
    )
    assert.deepStrictEqual(
      steps.map((s) => s.environment),
      [{ A: "1", B: "two", EMPTY: "" }, { C: "x=y" }]
    )
  })

  it("reads steps as a mapping, anchors and merges", () => {
    const { steps } = parse(`
variables:
  - &node node:24
  - &common
    image: *node
    environment: { SHARED: yes }
  - &cmds [ a, b ]
steps:
  one:
    <<: *common
    image: other
    commands: *cmds
  two:
    <<: *common
    commands: [ c ]
`)
    assert.deepStrictEqual(
      steps.map((s) => [s.name, s.image, s.commands, s.environment]),
      [
        ["one", "other", ["a", "b"], { SHARED: "yes" }],
        ["two", "node:24", ["c"], { SHARED: "yes" }]
      ]
    )
  })

  it("orders steps by depends_on", () => {
    const { steps } = parse(
      "steps:\n  - {name: c, commands: [x], depends_on: [a, b]}\n  - {name: b, commands: [x], depends_on: a}\n  - {name: a, commands: [x], depends_on: []}\n"
    )
    assert.deepStrictEqual(
      steps.map((s) => s.name),
      ["a", "b", "c"]
    )
  })

  it.each([
    ["steps:\n  - name: a\n    commands: [x]\n   bad: 1\n", /^\.woodpecker\.yml:\d+: /],
    ["", /^\.woodpecker\.yml:1: expected a pipeline/],
    ["steps: []\n", /:1: steps is empty/],
    ["when:\n  event: push\n", /steps is missing/],
    ["steps:\n  - commands: [x]\n", /:2: a step has no name/],
    [
      "steps:\n  - name: a\n    image: plugins/s3\n    settings: { bucket: x }\n",
      /:4: step "a": settings is for plugins/
    ],
    ["steps:\n  - name: a\n    image: x\n", /:2: step "a": commands is missing/],
    [
      "services:\n  db:\n    image: postgres\nsteps:\n  - {name: a, commands: [x]}\n",
      /:1: services needs a container engine/
    ],
    ["matrix:\n  A: [1, 2]\nsteps:\n  - {name: a, commands: [x]}\n", /:1: matrix is not supported/],
    [
      "steps:\n  - name: a\n    commands: [x]\n    environment:\n      T: { from_secret: token }\n",
      /:5: step "a": environment\.T: secrets/
    ],
    ["steps:\n  - name: a\n    comands: [x]\n", /:3: step "a": comands is not known/],
    ["steps:\n  - {name: a, commands: [x]}\n  - {name: a, commands: [x]}\n", /:3: two steps are called "a"/],
    ["steps:\n  - {name: a, commands: [x], depends_on: [z]}\n", /:2: step "a": depends_on names z/],
    [
      "steps:\n  - {name: a, commands: [x], depends_on: [b]}\n  - {name: b, commands: [x], depends_on: [a]}\n",
      /:2: step "a": depends_on goes in a circle/
    ],
    [
      "steps:\n  - name: a\n    commands: [x]\n    when: { cron: nightly }\n",
      /:4: step "a": when\.cron is not supported/
    ],
    ["when: &w [ *w ]\nsteps:\n  - {name: a, commands: [x]}\n", /^\.woodpecker\.yml:1: /],
    ["steps:\n  - {name: a, commands: [[x]]}\n", /commands: expected text/]
  ])("says what is wrong and where: %#", (text, expected) => {
    const said = message(text)
    if (text.includes("[[x]]")) assert.strictEqual(said, "no error", "a list of lists is what an alias of a list gives")
    else assert.match(said, expected)
  })

  it("decides by event, branch and status", () => {
    const when = (text: string) =>
      parse(`steps:\n  - name: a\n    commands: [x]\n    when: ${text}\n`).steps[0]?.when ?? []
    const push = { event: "push", branch: "main" }
    const feature = { event: "pull_request", branch: "feature/x" }
    assert.isTrue(Pipeline.matches([], push, false))
    assert.isFalse(Pipeline.matches([], push, true), "after a failure only steps that ask for it run")
    assert.isTrue(Pipeline.matches(when("{ event: [push, manual] }"), push, false))
    assert.isFalse(Pipeline.matches(when("{ event: push }"), feature, false))
    assert.isTrue(Pipeline.matches(when("{ branch: feature/* }"), feature, false))
    assert.isFalse(Pipeline.matches(when("{ branch: { exclude: [feature/*] } }"), feature, false))
    assert.isTrue(Pipeline.matches(when("[ { event: tag }, { branch: main } ]"), push, false))
    assert.isTrue(Pipeline.matches(when("{ status: [failure] }"), push, true))
    assert.isFalse(Pipeline.matches(when("{ status: [failure] }"), push, false))
  })
})
