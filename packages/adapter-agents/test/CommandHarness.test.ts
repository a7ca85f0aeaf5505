import { assert, describe, it } from "@effect/vitest"
import * as NewId from "@rdev/core/ids/NewId"
import { type AgentEvent, AgentHarness, type AgentJob } from "@rdev/core/ports/agents/AgentHarness"
import { WorkspaceHost } from "@rdev/core/ports/infra/WorkspaceHost"
import { Effect, Fiber, Layer, Queue, Stream } from "effect"
import { chmod, mkdtemp, realpath, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { AgentConfig } from "../src/AgentConfig.ts"
import * as AgentRegistry from "../src/AgentRegistry.ts"
import * as CommandHarness from "../src/CommandHarness.ts"
import { presets } from "../src/Presets.ts"
import * as HostProcess from "./HostProcess.ts"

const registry = (agents: ReadonlyArray<AgentConfig>, hostEnv: CommandHarness.Variables = {}) =>
  AgentRegistry.layer({ agents, hostEnv }).pipe(Layer.provideMerge(HostProcess.layer()))

const jobOf = Effect.fnUntraced(function* (change: Partial<AgentJob> = {}) {
  const host = yield* WorkspaceHost
  const workspace = yield* host.ensure({ projectId: yield* NewId.make("proj"), name: "w", network: "none" })
  return {
    workspace,
    command: "implement",
    action: "implement-task",
    feature: "greeting",
    taskId: "task-001",
    prompt: "the prompt",
    env: {},
    timeoutMillis: 30_000,
    budgetUsd: null,
    ...change
  } satisfies AgentJob
})
const play = Effect.fnUntraced(function* (name: string, change: Partial<AgentJob> = {}) {
  const agent = yield* (yield* AgentHarness).get(name)
  const events: Array<AgentEvent> = []
  const error = yield* agent.run(yield* jobOf(change)).pipe(
    Stream.runForEach((event) => Effect.sync(() => void events.push(event))),
    Effect.match({ onSuccess: () => null, onFailure: (failure) => failure })
  )
  return { events, error, lines: events.flatMap((event) => (event._tag === "Output" ? [event.line] : [])) }
})

describe("a command", () => {
  const agents: ReadonlyArray<AgentConfig> = [
    {
      kind: "command",
      name: "args",
      argv: [
        "sh",
        "-c",
        'printf \'%s\\n\' "$@" "$COLOUR" "$GIVEN"; cat',
        "x",
        "{{prompt}}",
        "{{feature}}/{{action}}/{{taskId}}",
        "{{workDir}}"
      ],
      env: { COLOUR: "for {{feature}}" },
      model: "m1",
      modelArgs: ["--model", "{{model}}"],
      budgetArgs: ["--usd={{budgetUsd}}"],
      passEnv: ["GIVEN", "MISSING"]
    },
    { kind: "command", name: "file", argv: ["cat", "{{promptFile}}"] },
    { kind: "command", name: "missing", argv: ["/no/such/program"] },
    { kind: "command", name: "exits", argv: ["sh", "-c", "echo one; echo two >&2; exit 3"] }
  ]
  it.live("gets the values of the run in its arguments and environment, and nothing else of the server's", () =>
    Effect.gen(function* () {
      const { error, events, lines } = yield* play("args", { budgetUsd: 1.5, env: { SDLC_PRINCIPAL: "agent:args" } })
      assert.isNull(error, error?.message)
      const workDir = (yield* jobOf()).workspace.workDir
      assert.deepStrictEqual(lines, [
        "the prompt",
        "greeting/implement-task/task-001",
        workDir,
        "--model",
        "m1",
        "--usd=1.50",
        "for greeting",
        "***"
      ])
      assert.deepStrictEqual(events[0], { _tag: "Started", agent: "args", model: null, sessionId: null })
    }).pipe(Effect.provide(registry(agents, { GIVEN: "a-secret-value", OTHER: "not passed" })))
  )

  it.live("can read its prompt from a file that is not part of the work", () =>
    Effect.gen(function* () {
      const prompt = `# Title\n${"long ".repeat(50_000)}`
      const { error, lines } = yield* play("file", { prompt })
      assert.isNull(error, error?.message)
      assert.strictEqual(lines[0], "# Title")
      assert.match(CommandHarness.promptFile, /^\.git\//)
    }).pipe(Effect.provide(registry(agents)))
  )

  it.live("refuses a prompt that does not fit an argument, and says what to use instead", () =>
    Effect.gen(function* () {
      const { error, events } = yield* play("args", { prompt: "x".repeat(130_000) })
      assert.deepInclude(error?.reason, { _tag: "Invalid", field: "prompt" })
      assert.include(error?.message, "{{promptFile}}")
      assert.deepStrictEqual(
        events.map((event) => event._tag),
        ["Started", "Ended"]
      )
    }).pipe(Effect.provide(registry(agents)))
  )

  it.live("that cannot start is Invalid and says so", () =>
    Effect.gen(function* () {
      const { error, events } = yield* play("missing")
      assert.deepInclude(error?.reason, { _tag: "Invalid", field: "argv" })
      assert.deepStrictEqual(
        events.map((event) => event._tag),
        ["Started", "Ended"]
      )
    }).pipe(Effect.provide(registry(agents)))
  )

  it.live("that gives up is the agent's fault, with its last words", () =>
    Effect.gen(function* () {
      const { error, events } = yield* play("exits")
      assert.strictEqual(error?.reason._tag, "AgentFault")
      assert.match(error?.message ?? "", /(one|two) \(exit code 3\)/)
      assert.deepInclude(events.at(-1), { _tag: "Ended", ok: false, exitCode: 3 })
    }).pipe(Effect.provide(registry(agents)))
  )

  it.live("leaves no process behind when it is interrupted", () =>
    Effect.gen(function* () {
      const agent = yield* (yield* AgentHarness).get("shell")
      const seen = yield* Queue.unbounded<AgentEvent>()
      const fiber = yield* Effect.forkChild(
        Stream.runForEach(agent.run(yield* jobOf()), (event) => Queue.offer(seen, event))
      )
      yield* Queue.take(seen)
      assert.strictEqual(HostProcess.running.size, 1)
      yield* Fiber.interrupt(fiber)
      yield* Effect.sleep(20).pipe(
        Effect.repeat({ until: () => HostProcess.running.size === 0 }),
        Effect.timeout(10_000)
      )
    }).pipe(
      Effect.provide(
        registry([{ kind: "command", name: "shell", argv: ["sh", "-c", "echo on; while :; do sleep 1; done"] }])
      )
    )
  )
})

describe("presets", () => {
  it.live("are ready when the program is there and a credential is set", () =>
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.promise(() => mkdtemp(join(tmpdir(), "rdev-bin-")).then((path) => realpath(path))),
        (path) => Effect.promise(() => rm(path, { recursive: true }))
      )
      const install = (name: string, content: string) =>
        Effect.promise(() => writeFile(join(folder, name), content).then(() => chmod(join(folder, name), 0o755)))
      yield* install("claude", "#!/usr/bin/env node\n")
      const check = (hostEnv: CommandHarness.Variables) =>
        Effect.gen(function* () {
          return yield* (yield* (yield* AgentHarness).get("claude")).check
        }).pipe(Effect.provide(registry([{ kind: "command", name: "claude", preset: "claude" }], hostEnv)))
      assert.deepStrictEqual(yield* check({ PATH: "/nowhere" }), {
        ready: false,
        message: "claude is not on the server's PATH: npm install -g @anthropic-ai/claude-code"
      })
      assert.match((yield* check({ PATH: folder })).message, /claude is a script that needs files beside it/)
      yield* install("claude", "\u007fELF")
      assert.deepStrictEqual(yield* check({ PATH: folder }), {
        ready: false,
        message:
          "no credentials: set one of ANTHROPIC_API_KEY, ANTHROPIC_AUTH_TOKEN, CLAUDE_CODE_OAUTH_TOKEN for the server"
      })
      const ready = yield* check({ PATH: folder, ANTHROPIC_API_KEY: "sk-ant-secret" })
      assert.deepStrictEqual(ready, { ready: true, message: "claude is installed; it gets ANTHROPIC_API_KEY" })
      // Of the three presets only the one that is a single file can be handed to a workspace.
      yield* install("codex", "#!/usr/bin/env node\n")
      const programs = yield* AgentRegistry.programsOf(AgentRegistry.defaultAgents, { PATH: folder })
      assert.deepStrictEqual(programs, [{ name: "claude", hostPath: join(folder, "claude") }])
    }).pipe(Effect.scoped)
  )

  it.effect("declare the network and what they report", () =>
    Effect.gen(function* () {
      const infos = (yield* AgentHarness).list
      assert.deepStrictEqual(
        infos.map((info) => [info.name, info.network, info.capabilities.includes("network")]),
        [
          ["scripted", "none", false],
          ["claude", "internet", true],
          ["opencode", "internet", true],
          ["codex", "internet", true]
        ]
      )
    }).pipe(Effect.provide(registry(AgentRegistry.defaultAgents)))
  )

  it("have command lines that are complete", () => {
    for (const [name, preset] of Object.entries(presets)) {
      const resolved = CommandHarness.resolve({
        kind: "command",
        name,
        preset: name as keyof typeof presets,
        model: "m"
      })
      assert.strictEqual(resolved._tag, "Ok")
      assert.deepStrictEqual(
        CommandHarness.unknownPlaceholders([...preset.argv, ...preset.modelArgs, ...preset.budgetArgs]),
        []
      )
      for (const credential of preset.credentials) assert.include(preset.passEnv, credential)
    }
  })
})

describe("declarations", () => {
  const using = (declared: string) =>
    Layer.unwrap(
      Effect.map(AgentRegistry.parse(declared, "RDEV_AGENTS"), (agents) =>
        AgentRegistry.layer({ agents, source: "RDEV_AGENTS" })
      )
    ).pipe(Layer.provide(HostProcess.layer()))
  const failure = (declared: string) => Effect.flip(Effect.provide(AgentHarness, using(declared)))
  it.live("are given inline or in a file", () =>
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.promise(() => mkdtemp(join(tmpdir(), "rdev-agents-"))),
        (path) => Effect.promise(() => rm(path, { recursive: true }))
      )
      const path = join(folder, "agents.json")
      const declared = JSON.stringify([{ kind: "command", name: "mine", argv: ["mine", "{{prompt}}"] }])
      yield* Effect.promise(() => writeFile(path, declared))
      for (const value of [declared, path]) {
        const names = yield* AgentHarness.use((agents) => Effect.succeed(agents.list.map((info) => info.name))).pipe(
          Effect.provide(using(value))
        )
        assert.deepStrictEqual(names, ["mine"])
      }
    }).pipe(Effect.scoped)
  )

  for (const [what, declared, message] of [
    ["a missing file", "/no/such/agents.json", /RDEV_AGENTS: cannot read \/no\/such\/agents\.json/],
    ["no JSON", "[", /RDEV_AGENTS: /],
    ["no agents", "[]", /RDEV_AGENTS: /],
    ["an unknown field", '[{"kind":"command","name":"a","argv":["a"],"colour":1}]', /colour/],
    ["a bad name", '[{"kind":"command","name":"A B","argv":["a"]}]', /expected a name/],
    ["an unknown preset", '[{"kind":"command","name":"a","preset":"gpt"}]', /preset/],
    [
      "neither argv nor preset",
      '[{"kind":"command","name":"a"}]',
      /agent "a": give argv, or a preset \(claude, opencode, codex\)/
    ],
    [
      "an unknown placeholder",
      '[{"kind":"command","name":"a","argv":["a","{{promt}}"]}]',
      /\{\{promt\}\} is not a placeholder; known are prompt, promptFile/
    ],
    ["two of one name", '[{"kind":"scripted","name":"a"},{"kind":"scripted","name":"a"}]', /two agents are named "a"/]
  ] as const) {
    it.live(`${what} is an error that names the field`, () =>
      Effect.gen(function* () {
        assert.match((yield* failure(declared)).message, message)
      })
    )
  }
})
