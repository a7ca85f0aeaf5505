/** plan, apply, operations, tree and audit as commands, against an embedded server. */
import { assert, beforeAll, afterAll, describe, it } from "@effect/vitest"
import * as Server from "@rdev/server/Server"
import { fromEnvironment } from "@rdev/server/ServerConfig"
import { Effect, Exit, Scope } from "effect"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Command from "./Command.ts"

const folder = mkdtempSync(join(tmpdir(), "rdev-operations-"))
const dataDir = join(folder, "data")
let server: Server.Running & { readonly stop: () => Promise<void> }
const start = async (variables: Record<string, string> = {}) => {
  const scope = Scope.makeUnsafe()
  const running = await Effect.runPromise(
    Scope.provide(
      Effect.flatMap(
        fromEnvironment({
          RDEV_PORT: "0",
          RDEV_DATA_DIR: dataDir,
          RDEV_UNSAFE_HOST: "true",
          RDEV_DRAIN_SECONDS: "1",
          ...variables
        }),
        Server.start
      ),
      scope
    )
  )
  return { ...running, stop: () => Effect.runPromise(Scope.close(scope, Exit.void)) }
}
beforeAll(async () => {
  server = await start()
})
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** `line`: called with what was printed so far. */
const rdev = (
  args: ReadonlyArray<string>,
  line: (out: string) => void = () => {},
  env: Record<string, string> = { RDEV_URL: server.url, RDEV_DATA_DIR: dataDir }
) => Command.run(args, { HOME: folder, ...env }, line)
const done = async (...args: ReadonlyArray<string>) => {
  const ended = await rdev(args)
  assert.strictEqual(ended.code, 0, `${ended.out}${ended.err}`)
  return ended.out
}
const json = async (...args: ReadonlyArray<string>) =>
  JSON.parse(await done(...args, "--json")) as Record<string, unknown>
/** One clear message, no stack. */
const refused = (ended: Command.Ended, code: number, ...parts: ReadonlyArray<string>) => {
  assert.strictEqual(ended.code, code, `${ended.out}${ended.err}`)
  assert.match(ended.err, /^rdev: /)
  assert.notMatch(ended.err, /\n\s+at /)
  for (const part of parts) assert.include(ended.err, part)
}
const file = (name: string, content: string) => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}
const idIn = (out: string) => /op_[0-9A-Z]{26}/.exec(out)?.[0] ?? ""

describe("plan and apply", () => {
  it("create exactly what was planned, step by step with durations", async () => {
    const plan = await json("plan", "shop", "--template", "node-api")
    const digest = String(plan["digest"])
    refused(await rdev(["apply", "shop", "--plan", digest]), 5, "plan again")
    const shown = await done("plan", "shop", "--template", "node-api")
    assert.include(shown, "shop would be created")
    assert.match(shown, /create +Create the git repository/)
    assert.match(shown, /no-op +Create the database +.*RDEV_TENANT_DATABASE_URL/)
    assert.include(shown, `rdev apply shop --template "node-api" --plan ${digest}`)
    const applied = await done("apply", "shop", "--template", "node-api", "--plan", digest)
    assert.match(applied, /✓ Create the git repository +[\d.]+ m?s/)
    assert.match(applied, /✓ Deploy the first commit of production +[\d.]+ m?s/)
    assert.match(applied, /– Create the database +no database server/)
    assert.match(applied, /completed in /)
  }, 120_000)

  it("sync a project that exists", async () => {
    refused(await rdev(["plan", "shop", "--template", "default"]), 2, "--template", "exists already")
    assert.match(
      await done("plan", "shop"),
      /is as it should be; there is nothing to do\n +no-op +Create the git repository/
    )
    const applied = await json("apply", "shop")
    assert.deepInclude(applied["operation"], { kind: "project.sync", status: "completed" })
    assert.isTrue(
      (applied["steps"] as ReadonlyArray<Record<string, unknown>>).every(
        (step) => typeof step["duration_ms"] === "number"
      )
    )
  }, 120_000)

  it("refuse to delete by the way", async () => {
    assert.match(await done("plan", "shop", "--destroy"), /delete +Delete the git repository/)
    refused(await rdev(["apply", "shop", "--destroy"]), 2, "--yes")
    refused(await rdev(["plan", "Shop"]), 2, "DNS label")
    refused(await rdev(["plan", "nobody", "--destroy"]), 4, "nobody")
  }, 60_000)
})

describe("operations", () => {
  it("are listed and shown with the duration of every step", async () => {
    const listed = await done("operations", "list", "--project", "shop", "--kind", "project.provision")
    assert.match(listed, /op_\w+ +project\.provision +completed/)
    const shown = await done("operations", "show", idIn(listed))
    assert.match(shown, /repository +done +create +[\d.]+ m?s +Create the git repository/)
    assert.match(shown, /database +skipped +.*RDEV_TENANT_DATABASE_URL/)
    assert.match(await done("operations", "follow", idIn(listed)), /✓ Create the git repository[^]*completed in/)
    assert.match(await done("operations", "events", idIn(listed)), /step\.completed +key=repository/)
    assert.strictEqual(await done("operations", "list", "--status", "parked"), "There are no such operations.\n")
  }, 60_000)

  it("refuse what does not fit, with the way out", async () => {
    const id = idIn(await done("operations", "list", "--project", "shop", "--kind", "project.sync"))
    refused(await rdev(["operations", "answer", id, "yes"]), 5, "asks nothing")
    refused(await rdev(["operations", "retry", id]), 5, "completed")
    refused(await rdev(["operations", "cancel", id]), 5, "ended as completed")
    const unknown = "op_01M89RHRHMZ0THAX2NSHVV73EM"
    for (const verb of [["show"], ["follow"], ["retry"], ["cancel"]])
      refused(await rdev(["operations", ...verb, unknown]), 4, unknown)
    refused(await rdev(["operations", "answer", unknown, "yes"]), 4, unknown)
    refused(await rdev(["operations", "list", "--status", "asleep"]), 2, "status", "parked")
  }, 120_000)
})

const asking = `
name: asking
vars: { project_name: { description: an existing project } }
steps:
  - { id: may, action: ask, question: "Go on with {{ vars.project_name }}?", outputs: { said: $.answer } }
  - { id: sure, depends_on: [may], action: assert, checks: [{ value: "{{ steps.may.outputs.said }}", equals: "yes" }] }
`

describe("trees", () => {
  it("that the server ships are run by name, streamed, with their project gone afterwards", async () => {
    assert.match(await done("tree", "list"), /landing-page +6 +project_name \[template\]/)
    const seen: Array<string> = []
    const service = await rdev(["tree", "run", "authenticated-service", "--project-name", "orders"], (out) =>
      seen.push(out)
    )
    assert.strictEqual(service.code, 0, `${service.out}${service.err}`)
    assert.match(service.out, /✓ Create the project +[\d.]+ (?:ms|s)[^]*✓ Delete the project[^]*completed in/)
    assert.isTrue(
      seen.some((out) => out.includes("✓ Create the project") && !out.includes("Delete the project")),
      "it is streamed while it runs"
    )
    const { operation, steps } = (await json("operations", "show", idIn(service.out))) as {
      readonly operation: Record<string, unknown>
      readonly steps: ReadonlyArray<Record<string, unknown>>
    }
    assert.deepInclude(operation, { kind: "tree.run", status: "completed" })
    assert.isTrue(
      steps.every((step) => step["status"] === "done"),
      JSON.stringify(steps)
    )
  }, 300_000)

  it("ask, and the exit code says how they end", async () => {
    const path = file("asking.yaml", asking)
    assert.include(await done("tree", "check", path), "nothing is wrong with it")
    const answers: Array<Promise<Command.Ended>> = []
    const run = (answer: string) =>
      rdev(["tree", "run", path, "--project", "shop"], (out) => {
        if (answers.length === 0 && out.includes("--step may"))
          answers.push(rdev(["operations", "answer", idIn(out), answer]))
      })
    const refusing = await run("no")
    refused(refusing, 1, "sure: the value is no, not yes", "rdev operations retry", idIn(refusing.out))
    assert.strictEqual((await answers.pop())?.code, 0)
    // What was taken back is started anew, and the command follows the new operation.
    const retried = rdev(["operations", "retry", idIn(refusing.out), "--follow"], (out) => {
      if (answers.length === 0 && out.includes("--step may"))
        answers.push(rdev(["operations", "answer", idIn(out), "yes", "--step", "may"]))
    })
    const again = await retried
    assert.strictEqual(again.code, 0, `${again.out}${again.err}`)
    assert.include(again.out, "? Go on with shop?")
    assert.match(again.out, /✓ assert sure[^]*completed in/)
    await Promise.all(answers)
  }, 120_000)

  it("with mistakes are refused, each with its place", async () => {
    refused(
      await rdev(["tree", "run", file("broken.yaml", "name: x\nsteps:\n  - { id: a, action: api\n")]),
      2,
      "line 4"
    )
    refused(
      await rdev([
        "tree",
        "check",
        file("wrong.yaml", "name: x\nsteps:\n  - { id: a, action: fly }\n  - { id: b, action: api, method: GET }\n")
      ]),
      2,
      'steps[0].action: there is no action "fly"',
      "steps[1].path: "
    )
    refused(await rdev(["tree", "run", "landing-page"]), 2, "vars.project_name", "a DNS label")
    refused(await rdev(["tree", "run", "landing-page", "--project-name", "x", "--var", "colour=red"]), 2, "vars.colour")
    refused(await rdev(["tree", "run", "landing-page", "--var", "Nonsense"]), 2, "--var", "name=value")
    refused(await rdev(["tree", "run", "no-such-tree"]), 2, "landing-page")
    refused(await rdev(["tree", "run", "./nowhere.yaml"]), 2, "./nowhere.yaml", "rdev tree list")
    refused(await rdev(["tree", "run", file("asking.yaml", asking), "--project", "nobody"]), 4, "nobody")
  }, 120_000)
})

describe("the audit trail", () => {
  it("is shown, exported, and checked without a server", async () => {
    const shown = await done("audit", "show", "shop", "--steps")
    assert.match(shown, /project\.sync +completed +key_\w+ +op_\w+\n +repository +completed +[\d.]+ ms/)
    const exported = await rdev(["audit", "export", "shop"])
    assert.strictEqual(exported.code, 0, exported.err)
    const head = exported.err.trim().split("\n").at(-1) ?? ""
    assert.match(head, /^[0-9a-f]{64}$/)
    const offline = { RDEV_URL: "http://127.0.0.1:1", RDEV_DATA_DIR: join(folder, "nothing") }
    const verify = (...args: ReadonlyArray<string>) => rdev(["audit", "verify", ...args], () => {}, offline)
    const path = file("shop.audit", exported.out)
    const fine = await verify(path, "--head", head)
    assert.deepStrictEqual([fine.code, fine.out.includes("all in order")], [0, true], fine.err)
    assert.deepInclude(JSON.parse((await verify(path, "--json")).out), { ok: true, problem: null })

    const lines = readFileSync(path, "utf8").trimEnd().split("\n")
    const changed = (edit: ReadonlyArray<string>) => file("changed.audit", `${edit.join("\n")}\n`)
    refused(
      await verify(changed(lines.with(2, lines[2]?.replace(/"actor":"[^"]*"/, '"actor":"somebody"') ?? ""))),
      1,
      "line 3 (entry 3): this entry was changed"
    )
    refused(await verify(changed(lines.toSpliced(1, 1))), 1, "line 2", "an entry is missing")
    refused(await verify(changed(lines.slice(0, -1))), 1, "cut off")
    refused(await verify(changed(["no JSON", ...lines])), 1, "line 1")
    refused(await verify(path, "--head", "f".repeat(64)), 1, "rewritten")
    refused(await verify(path, "--head", "short"), 2, "--head")
    refused(await verify(join(folder, "nowhere")), 2, "nowhere")
    refused(await rdev(["audit", "show", "nobody"]), 4, "nobody")
    assert.match(await done("audit", "show"), /tree\.run +completed/)
  }, 120_000)
})

describe("deleting a project", () => {
  it("goes on past what fails, says all of it, and is finished by a retry", async () => {
    await server.stop()
    // The database server that this installation is told of does not answer.
    server = await start({ RDEV_TENANT_DATABASE_URL: "postgresql://admin:secret@127.0.0.1:1/postgres" })
    const failed = await rdev(["projects", "delete", "shop", "--yes"])
    refused(failed, 1, "project.delete", "is failed", "\n  database: ", "rdev operations retry")
    assert.notInclude(failed.err, "secret")
    const id = idIn(failed.err)
    const shown = await done("operations", "show", id)
    assert.match(shown, /repository +done +delete/)
    assert.match(shown, /database +failed +delete/)
    assert.include(shown, `rdev operations retry ${id}`)
    assert.match(await done("projects", "show", "shop"), /database +failed/)
    await server.stop()
    server = await start()
    const retried = await rdev(["operations", "retry", id, "--follow"])
    assert.strictEqual(retried.code, 0, `${retried.out}${retried.err}`)
    assert.match(retried.out, /retried[^]*completed in/)
    refused(await rdev(["projects", "show", "shop"]), 4, "shop")
  }, 180_000)
})
