import { symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { tmpdir } from "node:os"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { printDefect } from "../../src/cli/RunEntry.ts"
import { ada, bob, claude, planned, project, repository, type Repository, spec } from "./Cli.ts"

let repo: Repository
let draft: Repository
let empty: Repository
beforeAll(async () => {
  repo = await planned()
  await repo.sdlc("new other --branch sdlc/hello", ada)
  draft = await project()
  empty = repository()
})
afterAll(() => {
  for (const one of [repo, draft, empty]) one.remove()
})

/** Command line, who, exit code, what the message names, what the fix says. */
type Case = readonly [line: string, as: string | undefined, code: number, message: RegExp, fix: RegExp]

const refused: ReadonlyArray<Case> = [
  ["nexd", ada, 2, /"nexd" is no command/, /did you mean next/],
  ["frobnicate", ada, 2, /is no command/, /sdlc help/],
  ["next --hed x hello", ada, 2, /--hed: next has no such flag/, /--head/],
  ["--jsn next hello", ada, 2, /"--jsn" is no command/, /sdlc help/],
  ["-f helo next", ada, 2, /feature: there is no "helo"/, /did you mean hello/],
  ["next hello more", ada, 2, /"more": one word too many/, /sdlc help next/],
  ["next hello --head", ada, 2, /--head: its value is missing/, /--head <value>/],
  ["next hello --head x --head y", ada, 2, /--head: given twice/, /once/],
  ["next hello --head nowhere", ada, 2, /--head: "nowhere" is no commit/, /fetch/],
  ["next hello --compat v1", ada, 2, /--compat: "v1"/, /v0/],
  ["next helo", ada, 2, /feature: there is no "helo"/, /did you mean hello/],
  ["next", ada, 0, /hello/, /./],
  ["status -C /nowhere", ada, 2, /--cwd: \/nowhere does not exist/, /existing folder/],
  ["new", ada, 2, /<feature> is missing/, /sdlc new <feature>/],
  ["new Bad_Name", ada, 2, /slug: "Bad_Name"/, /user-login/],
  ["new hello", ada, 2, /slug: "hello" is taken/, /another name/],
  ["new x --kind chore", ada, 2, /--kind: "chore" is none of/, /one of these/],
  ["new x --preset laen", ada, 2, /--preset: "laen"/, /did you mean lean/],
  ["new x --dep nobody", ada, 2, /there is no "nobody"/, /sdlc features/],
  ["new x", "robot:r2", 2, /SDLC_PRINCIPAL: "robot:r2"/, /agent:claude/],
  ["submit spek hello", claude, 2, /document: "spek"/, /did you mean spec/],
  ["submit spec other --branch sdlc/hello", claude, 2, /spec\.md does not exist/, /sdlc-specify/],
  ["approve", ada, 2, /<gate> is missing/, /sdlc approve <gate>/],
  ["approve constructor hello --as-human", ada, 2, /gate: "constructor"/, /./],
  ["record __proto__ hello", ada, 2, /event: "__proto__"/, /./],
  ["approve desing hello --as-human", ada, 2, /gate: "desing"/, /did you mean design/],
  ["approve spec hello", undefined, 2, /in a person's name/, /--as-human/],
  ["approve spec hello --as-human", claude, 2, /--as-human: SDLC_PRINCIPAL is agent:claude/, /ask a person/],
  ["approve spec hello", bob, 20, /for a person to decide/, /ask a person/],
  ["approve tasks hello", claude, 20, /claude is its author/, /separationOfDuties/],
  ["approve spec other --as-human --branch sdlc/hello", ada, 2, /the spec does not exist/, /submit/],
  ["approve action hello --as-human", ada, 2, /no action waits/, /sdlc next/],
  ["reject spec hello --as-human", ada, 2, /--reason: a rejection needs one/, /--reason/],
  ["waive spec hello --as-human", ada, 2, /--reason: a waiver needs one/, /--reason/],
  ["waive merge hello --as-human --reason x", ada, 2, /merge cannot be waived/, /policy/],
  ["waive design hello --reason x", claude, 20, /for a person to decide/, /person/],
  ["task jump task-001 hello", claude, 2, /task: "jump"/, /./],
  ["task start", claude, 2, /<task> is missing|feature/, /./],
  ["task start task-009 hello", claude, 2, /there is no "task-009"/, /did you mean task-001/],
  ["task unblock task-001 hello", claude, 2, /task-001 is todo/, /task list/],
  ["task fail task-001 hello", claude, 2, /--reason: task fail needs one/, /--reason/],
  ["task done task-001 hello", claude, 2, /not by agent claude/, /task claim/],
  ["task add hello --title x --verify y", claude, 2, /--origin/, /./],
  ["task add hello --origin qa --verify y", claude, 2, /--title: it is missing/, /./],
  ["task add hello --origin qa --title x", claude, 2, /--verify: it is missing/, /./],
  ["task add hello --origin qa --title x --verify y --depends task-099", claude, 2, /there is no "task-099"/, /./],
  ["record reveiw hello", claude, 2, /event: "reveiw"/, /./],
  ["record verdict hello --data {}", claude, 2, /verdict is not recorded by hand/, /approve/],
  ["record review hello", claude, 2, /--file: it is missing/, /--data/],
  ["record review hello --data nonsense", claude, 2, /--data: not JSON/, /JSON object/],
  ["record review hello --data []", claude, 2, /not a JSON object/, /JSON object/],
  ["record review hello --file nowhere.json", claude, 2, /--file: nowhere\.json/, /existing file/],
  [
    `record review hello --data '{"verdict":"maybe","findings":[]}'`,
    claude,
    2,
    /data\.verdict: Expected "approve" \| "changes"/,
    /correct the field/
  ],
  [
    `record review hello --data '{"verdict":"approve","findings":[{"id":"a"}]}'`,
    claude,
    2,
    /data\.findings\.0\.severity: missing/,
    /correct/
  ],
  [
    `record review hello --data '{"verdict":"approve","findings":[],"extra":1}'`,
    claude,
    2,
    /data\.extra: unknown field/,
    /correct/
  ],
  ["thread resolve t-9 hello", claude, 2, /no open thread "t-9"/, /thread list/],
  ["dispose f-9 fix hello --reason x", claude, 2, /there is no "f-9"/, /findings/],
  ["dispose f-9 ignore hello --reason x", claude, 2, /disposition: "ignore"/, /./],
  ["evidence attach QA-009 hello --note x", claude, 2, /no "QA-009"/, /QA-001/],
  ["evidence attach QA-001 hello", claude, 2, /nothing is attached/, /--file/],
  ["unblock b-1 hello", ada, 2, /no open "b-1"/, /nothing is blocked/],
  ["answer e-1 hello --answer x", ada, 2, /no open "e-1"/, /nothing waits/],
  ["pause hello", ada, 2, /--reason: it is missing/, /--reason/],
  ["resume hello", ada, 2, /it is active, so it cannot be resumed/, /status/],
  ["block hello --needs robot --reason x", ada, 2, /--needs: "robot"/, /./],
  ["gate merg hello", ada, 2, /phase: "merg"/, /did you mean merge/],
  ["gate merge --head nowhere", ada, 2, /--head: "nowhere"/, /fetch/],
  ["gate merge --base nowhere", ada, 2, /--base: "nowhere"/, /fetch/],
  ["why-not implment-task hello", ada, 2, /knows no "implment-task"/, /did you mean implement-task/],
  ["sim hello --set phaze=draft", ada, 2, /--set: "phaze"/, /phase/],
  ["sim hello --set ci=blue", ada, 2, /names no value of ci/, /ci=<none\|running/],
  ["sim hello --plays many", ada, 2, /--plays: "many"/, /--plays 0/],
  ["replay hello --at yesterday", ada, 2, /--at: "yesterday"/, /2030-01-02/],
  ["diff hello", ada, 2, /nothing to compare with/, /--policy/],
  ["diff hello --policy nowhere.yaml", ada, 2, /--policy: nowhere\.yaml/, /existing file/],
  ["graph hello --rules --history", ada, 2, /both are given/, /one of them/],
  ["import nowhere", ada, 2, /nothing that can be adopted is at "nowhere"/, /--list/],
  ["import", ada, 2, /name what to adopt/, /--list/],
  ["import --format jira x", ada, 2, /--format: "jira"/, /./],
  ["render --agents clade", ada, 2, /--agents: "clade"/, /did you mean claude/],
  ["keys old", ada, 2, /keys: "old"/, /keys new/],
  ["keys new --id ada --out key.pem", ada, 2, /lies in the repository/, /outside/],
  ["completions tcsh", ada, 2, /shell: "tcsh"/, /./],
  ["lint nothing.md", ada, 2, /does not know this file/, /spec\.md/],
  ["apply hello", ada, 2, /not the platform's: implement-task/, /sdlc next/]
]

describe("wrong input", () => {
  it.each(refused)("sdlc %s", async (line, as, code, message, fix) => {
    const before = repo.files()
    const said = await repo.sdlc(line, as)
    expect(said.code).toBe(code)
    if (code === 0) return
    expect(said.out).toBe("")
    expect(said.err).toMatch(message)
    expect(said.err).toMatch(/\n {2}fix: \S/)
    expect(said.err.slice(said.err.indexOf("fix:"))).toMatch(fix)
    expect(repo.files()).toEqual(before)
    const asJson = await repo.sdlc(`${line} --json`, as)
    if (line.includes("--json")) return
    expect(asJson).toMatchObject({
      code,
      json: { error: { code, message: expect.stringMatching(message), fix: expect.stringMatching(fix) } }
    })
  })
})

describe("a project in a wrong state", () => {
  it("says what is missing where there is no project", async () => {
    expect(await empty.sdlc("next")).toMatchObject({
      code: 2,
      err: expect.stringMatching(/policy\.yaml is missing[^]*sdlc init/)
    })
    await empty.sdlc("init")
    expect(await empty.sdlc("next")).toMatchObject({ code: 2, err: expect.stringMatching(/none yet[^]*sdlc new/) })
    expect((await empty.sdlc("init")).out).toContain("Everything was there already")
  })
  it("does not submit what lint refuses or what is unclear", async () => {
    draft.write(".sdlc/features/hello/spec.md", "# x\n### REQ-001\nIt greets.\n")
    expect(await draft.sdlc("submit spec", claude)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/\.sdlc\/features\/hello\/spec\.md:2: error requirement-form/)
    })
    expect(await draft.sdlc("lint")).toMatchObject({ code: 1, out: expect.stringContaining("2 errors") })
    draft.write(".sdlc/features/hello/spec.md", `${spec}\n[NEEDS CLARIFICATION: in which language?]\n`)
    expect(await draft.sdlc("submit spec", claude)).toMatchObject({
      code: 20,
      err: expect.stringMatching(/in which language\?/)
    })
    expect(await draft.sdlc("next --json")).toMatchObject({
      code: 20,
      json: { action: "clarify-spec", command: "clarify" }
    })
  })
  it("needs a submission before an approval, when duties are separate", async () => {
    draft.write(".sdlc/features/hello/spec.md", spec)
    expect(await draft.sdlc("approve spec --as-human", ada)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/has not been submitted/)
    })
  })
  it("calls a broken policy by its field, and never uses half of it", async () => {
    const good = draft.read(".sdlc/policy.yaml")
    draft.write(".sdlc/policy.yaml", good.replace("spec: human", "spec: humn"))
    expect(await draft.sdlc("next")).toMatchObject({
      code: 3,
      out: expect.stringMatching(/gates\.spec: Expected "human"[^]*gates take human, agent, auto or off/)
    })
    expect(await draft.sdlc("submit spec", claude)).toMatchObject({
      code: 3,
      err: expect.stringMatching(/gates\.spec/)
    })
    expect((await draft.sdlc("features")).code).toBe(3)
    draft.write(".sdlc/policy.yaml", good)
  })
  it("names a corrupt event, exits 3 and refuses to write", async () => {
    const [path = ""] = [...repo.files().keys()].filter((one) => one.includes("hello/events/")).toSorted()
    const good = repo.read(path)
    repo.write(path, good.replace("Say hello", "Say bye"))
    const said = await repo.sdlc("next hello --json")
    expect(said).toMatchObject({ code: 3, json: { rule: "L1", phase: "draft" } })
    expect(JSON.stringify(said.json["errors"])).toMatch(/hash chain/)
    expect(await repo.sdlc("task start task-001 hello", claude)).toMatchObject({
      code: 3,
      err: expect.stringMatching(/hash chain[^]*git log/)
    })
    expect((await repo.sdlc("doctor")).code).toBe(3)
    expect(await repo.sdlc("features --json")).toMatchObject({
      code: 3,
      json: {
        features: expect.arrayContaining([
          expect.objectContaining({ feature: "hello", integrity: "corrupt", phase: "draft" })
        ])
      }
    })
    repo.write(path, good)
    expect((await repo.sdlc("next hello")).code).toBe(0)
  })
  it("does not write through a link that leaves the repository", async () => {
    const outside = repository()
    symlinkSync(outside.root, join(draft.root, ".sdlc/features/away"))
    writeFileSync(join(outside.root, "feature.yaml"), "v: 1\n")
    expect((await draft.sdlc("new away", ada)).code).not.toBe(0)
    expect([...outside.files().keys()]).toEqual(["feature.yaml"])
    outside.remove()
  })
  it("shows control characters instead of sending them to the terminal", async () => {
    await draft.sdlc('new evil --title "\u001b[31mred\u0007"', ada)
    const { out } = await draft.sdlc("features")
    expect(out).toContain("\\u001b[31mred\\u0007")
    expect(out).not.toContain("\u001b")
  })
})

describe("under a keyring", () => {
  it("only signed verdicts of people count", async () => {
    const file = join(tmpdir(), `sdlc-key-${process.pid}-${Math.random().toString(36).slice(2)}.pem`)
    const keyed = await project()
    const { json } = await keyed.sdlc(`keys new --id ada --principal ada --out ${file} --json`, ada)
    const { ed25519, id } = json["entry"] as { readonly id: string; readonly ed25519: string }
    keyed.write(
      ".sdlc/policy.yaml",
      `${keyed.read(".sdlc/policy.yaml")}keyring:\n  - id: ${id}\n    ed25519: ${ed25519}\n    principals:\n      - ada\n`
    )
    keyed.write(".sdlc/features/hello/spec.md", spec)
    expect((await keyed.sdlc("submit spec", claude)).code).toBe(0)
    expect(await keyed.sdlc("approve spec --as-human", ada)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/needs a signature[^]*SDLC_SIGNING_KEY/)
    })
    const forged = [...keyed.files().keys()].find((path) => path.includes("artifact-submitted")) ?? ""
    const submission = JSON.parse(keyed.read(forged)) as {
      readonly id: string
      readonly data: { readonly hash: string }
    }
    // An agent writes the approval file itself, with everything right but the signature.
    const { canonicalJson, sha256 } = await import("../../src/repo/Digest.ts")
    const fake = {
      v: 1,
      id: "7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
      parents: [submission.id],
      chain: `sha256:${sha256(sha256(canonicalJson(submission)))}`,
      actor: { id: "ada", type: "human" },
      type: "verdict",
      at: "2030-01-01T00:00:00Z",
      data: { gate: "spec", subject: submission.data.hash, verdict: "approve", upstream: {} }
    }
    keyed.write(".sdlc/features/hello/events/7ZZZZZZZZZZZZZZZZZZZZZZZZZ-verdict.json", JSON.stringify(fake))
    expect(await keyed.sdlc("next --json")).toMatchObject({
      code: 20,
      json: {
        action: "approve-spec",
        warnings: [expect.objectContaining({ problem: "does not count: it is not signed" })]
      }
    })
    const { rmSync } = await import("node:fs")
    rmSync(join(keyed.root, ".sdlc/features/hello/events/7ZZZZZZZZZZZZZZZZZZZZZZZZZ-verdict.json"))
    expect((await keyed.sdlc("approve spec", ada, { SDLC_SIGNING_KEY: file })).code).toBe(0)
    expect(await keyed.sdlc("next --json")).toMatchObject({ json: { action: "advance" } })
    const before = keyed.files()
    expect(await keyed.sdlc("approve spec", "human:mallory", { SDLC_SIGNING_KEY: file })).toMatchObject({
      code: 2,
      err: expect.stringMatching(/key "ada" may not speak for human mallory[^]*principals/)
    })
    expect(keyed.files()).toEqual(before)
    expect(
      (await keyed.sdlc('block hello --needs agent --reason "x"', "human:mallory", { SDLC_SIGNING_KEY: file })).code
    ).toBe(0)
    expect(await keyed.sdlc("approve spec", ada, { SDLC_SIGNING_KEY: join(keyed.root, "README.md") })).toMatchObject({
      code: 2,
      err: expect.stringMatching(/no readable Ed25519 private key/)
    })
    rmSync(file)
    keyed.remove()
  })
})

describe("output", () => {
  it("shows a defect in one sentence, and its trace on request", () => {
    let said = ""
    const streams = { out: () => undefined, err: (text: string) => void (said += text) }
    expect(printDefect(new TypeError("x is not y"), {}, streams)).toBe(70)
    expect(said).toBe(
      "sdlc: this is a defect of the tool: x is not y\n  fix: report it with the command line; SDLC_DEBUG=1 shows where it happened.\n"
    )
    printDefect(new TypeError("x is not y"), { SDLC_DEBUG: "1" }, streams)
    expect(said).toMatch(/at .*input\.test/)
  })
  it("refuses a value for a flag that takes none", async () => {
    expect(await repo.sdlc("why hello --gates=all", ada)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/--gates: it takes no value[^]*alone/)
    })
  })
  it("is JSON for every reading command", async () => {
    for (const line of [
      "next hello",
      "features",
      "status hello",
      "why hello",
      "why-not merge hello",
      "explain hello",
      "graph hello",
      "graph --rules",
      "sim hello",
      "sim hello --plays 5",
      "replay hello",
      "lint hello",
      "task list hello",
      "thread list hello",
      "findings hello",
      "evidence list hello",
      "import --list",
      "render --check",
      "gate ready hello",
      "gate merge",
      "doctor",
      "help",
      "help next",
      "version",
      "completions bash"
    ]) {
      const said = await repo.sdlc(`${line} --json`, ada)
      expect(typeof said.json).toBe("object")
      expect([0, 1, 10, 20]).toContain(said.code)
    }
  })
  it("takes the flags of every command before the command, too", async () => {
    expect((await repo.sdlc("--json -f hello next")).json).toMatchObject({ feature: "hello", action: "implement-task" })
    expect((await repo.sdlc(`-C ${repo.root} --feature=hello why --facts`)).out).toContain("rule I4")
    expect((await repo.sdlc("--help")).out).toContain("Everywhere")
  })
  it("keeps to the older shape on request", async () => {
    const { json } = await repo.sdlc("next hello --compat v0 --json")
    expect(json).toEqual({
      feature: "hello",
      current_phase: "implementation",
      rule_matched: "I4",
      action: "implement-task",
      message: "All blockers resolved, 1 task available",
      next_command: "/sdlc-implement hello",
      output_path: null,
      transition_to: null,
      task_id: "task-001"
    })
    expect(JSON.parse((await repo.sdlc("next hello --compat v0")).out)).toEqual(json)
  })
  it("explains", async () => {
    expect((await repo.sdlc("why hello --facts --gates")).out).toMatch(
      /rule I4: tReady\n[^]*\* tReady +true +task-001 [^]*review +fail/
    )
    expect((await repo.sdlc("why-not open-pr hello")).out).toMatch(/implement-task is \[I4\][^]*I8/)
    expect((await repo.sdlc("explain hello")).out).toMatch(/steps to the end[^]*implement-task[^]*merge[^]*none/)
    expect((await repo.sdlc("graph hello")).out).toMatch(/stateDiagram-v2[^]*draft --> specified : 1\. S8/)
    expect((await repo.sdlc("sim hello --set tReady=false --set tNone=false")).out).toMatch(
      /^If tReady were false and tNone were false, next would come open-pr, by the platform \[I8/
    )
    expect((await repo.sdlc("replay hello --at 2027-01-15T08:00:03Z")).out).toMatch(/hello \[draft\]/)
  })
  it("completes every command and its flags in three shells", async () => {
    const { json } = await repo.sdlc("help --json")
    const names = (json["commands"] as ReadonlyArray<{ readonly name: string }>).map((command) => command.name)
    for (const shell of ["bash", "zsh", "fish"]) {
      const { out } = await repo.sdlc(`completions ${shell}`)
      for (const name of names) expect(out).toContain(name)
      expect(out).toContain("as-human")
    }
    for (const wanted of "init next why why-not explain graph sim replay import lint submit approve reject waive task gate render doctor diff mcp".split(
      " "
    ))
      expect(names).toContain(wanted)
  })
})
