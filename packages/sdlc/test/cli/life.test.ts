import { renameSync, rmSync } from "node:fs"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { ada, bob, claude, planned, project, type Repository, spec } from "./Cli.ts"

let open: Array<Repository> = []
const keep = (repo: Repository): Repository => {
  open.push(repo)
  return repo
}
afterEach(() => {
  for (const repo of open) repo.remove()
  open = []
})

/** Says that what is about another feature is meant to go onto the branch of hello. */
const onHello = { SDLC_BRANCH: "sdlc/hello" }

const next = async (repo: Repository): Promise<Readonly<Record<string, unknown>>> =>
  (await repo.sdlc("next --json")).json
const due = async (repo: Repository): Promise<string> => {
  const { action, phase, rule } = await next(repo)
  return `${String(phase)} ${String(rule)} ${String(action)}`
}

const greet = (repo: Repository, text = "console.log('Hello ' + process.argv[2])\n"): void => {
  repo.write("hello.mjs", text)
  repo.commit("greet")
}

/** From the first task to a merge that waits for its approval. */
const throughQa = async (repo: Repository): Promise<void> => {
  await repo.sdlc("task start task-001", claude)
  greet(repo)
  await repo.sdlc("task claim task-001", claude)
  await repo.sdlc("apply --all")
  await repo.sdlc(`record review --data '{"verdict":"approve","findings":[]}'`, bob)
  await repo.sdlc("approve human-review --as-human", ada)
  await repo.sdlc("apply --all")
  await repo.sdlc(`record audit --data '{"findings":[]}'`, bob)
  await repo.sdlc("apply --all")
  await repo.sdlc("qa run", bob)
  await repo.sdlc("approve uat --as-human", ada)
  await repo.sdlc("apply --all")
}

describe("a feature's life on one machine", () => {
  it("goes from draft to released", async () => {
    const repo = keep(await planned())
    expect(await due(repo)).toBe("implementation I4 implement-task")
    await throughQa(repo)
    expect(await due(repo)).toBe("merge M3 approve-merge")
    repo.commit("state")
    expect((await repo.sdlc("gate merge")).code).toBe(1)
    await repo.sdlc("approve merge --as-human", ada)
    repo.commit("state")
    expect(await repo.sdlc("gate merge --json")).toMatchObject({ code: 0, json: { passage: "pass" } })
    await repo.sdlc("apply --all")
    expect(repo.git("log", "--oneline", "-1")).toContain("Merge sdlc/hello")
    await repo.sdlc(`record sync-recorded --data '{"specs":["greeting"]}'`, claude)
    await repo.sdlc("apply --all")
    expect(await repo.sdlc("next --json")).toMatchObject({
      code: 30,
      json: { action: "none", phase: "released", exitCode: 30 }
    })
    expect(await repo.sdlc("apply")).toMatchObject({ code: 30 })
    expect((await repo.sdlc("replay --json")).json["moments"]).toHaveLength(
      (await repo.sdlc("doctor --json")).json["checks"] === undefined
        ? -1
        : Number(/(\d+) events/.exec(JSON.stringify((await repo.sdlc("doctor --json")).json))?.[1])
    )
    await repo.sdlc("new later --dep hello", claude)
    expect((await repo.sdlc("archive later")).code).toBe(2)
    expect((await repo.sdlc("sim later --json")).json["facts"]).toMatchObject({ dep: "met" })
    expect((await repo.sdlc("archive hello")).out).toMatch(/hello: moved to \.sdlc\/archive\/2027-01-15-hello/)
    expect((await repo.sdlc("sim later --json")).json["facts"]).toMatchObject({ dep: "met" })
    expect((await repo.sdlc("features --json")).json["features"]).toHaveLength(1)
    renameSync(join(repo.root, ".sdlc/archive/2027-01-15-hello"), join(repo.root, ".sdlc/features/hello"))
    rmSync(join(repo.root, ".sdlc/features/later"), { recursive: true })
    expect((await repo.sdlc("diff --rules")).code).toBe(0)
    expect((await repo.sdlc("diff --policy .sdlc/policy.yaml")).code).toBe(0)
    repo.write("strict.yaml", "reviewers: 2\ndeploy: none\n")
    expect((await repo.sdlc("diff --policy strict.yaml")).code).toBe(1)
  })

  it("makes CI red when the code is wrong, and asks for a repair", async () => {
    const repo = keep(await planned())
    await repo.sdlc("task start task-001", claude)
    greet(repo)
    await repo.sdlc("task claim task-001", claude)
    await repo.sdlc("apply")
    await repo.sdlc("apply")
    greet(repo, "process.exit(1)\n")
    expect((await repo.sdlc("apply")).code).toBe(1)
    expect(await due(repo)).toBe("implementation I10 fix-ci")
    greet(repo)
    await repo.sdlc("apply --all")
    expect(await due(repo)).toBe("review V1 review-code")
  })

  it("fails a false claim, retries, and asks a person after the third", async () => {
    const repo = keep(await planned())
    for (let attempt = 0; attempt < 3; attempt++) {
      await repo.sdlc("task start task-001", claude)
      greet(repo, `process.exit(${attempt + 1})\n`)
      await repo.sdlc("task claim task-001", claude)
      expect((await repo.sdlc("apply")).code).toBe(1)
    }
    expect((await next(repo))["rule"]).toBe("G2")
    await repo.sdlc("apply")
    const { action, exitCode } = await next(repo)
    expect([action, exitCode]).toEqual(["await-escalation", 20])
    const [escalation] = (await repo.sdlc("status --json")).json["escalations"] as ReadonlyArray<{
      readonly id: string
    }>
    expect((await repo.sdlc(`answer ${escalation?.id ?? ""} --answer "try once more"`, claude)).code).toBe(20)
    expect((await repo.sdlc(`answer ${escalation?.id ?? ""} --answer "try once more"`, ada)).code).toBe(0)
    expect(await due(repo)).toBe("implementation I3 retry-task")
  })

  it("regresses when an approved spec is edited, and comes back", async () => {
    const repo = keep(await planned())
    repo.write(".sdlc/features/hello/spec.md", spec.replace("with the name.", "with the name in capitals."))
    expect(await due(repo)).toBe("implementation P2 regress")
    await repo.sdlc("apply")
    expect(await due(repo)).toBe("draft S6 reconcile-spec")
    await repo.sdlc("submit spec", claude)
    await repo.sdlc("approve spec --as-human", ada)
    await repo.sdlc("apply --all")
    expect(await due(repo)).toBe("specified D6 reconcile-design")
  })

  it("loops on a rejected design until it is another", async () => {
    const repo = keep(await project())
    repo.write(".sdlc/features/hello/spec.md", spec)
    await repo.sdlc("submit spec", claude)
    await repo.sdlc("approve spec --as-human", ada)
    await repo.sdlc("apply --all")
    repo.write(".sdlc/features/hello/design.md", "# Design\nREQ-001 by magic.\n")
    await repo.sdlc("submit design", claude)
    await repo.sdlc('reject design --as-human --reason "no magic"', ada)
    expect(await next(repo)).toMatchObject({
      rule: "D5",
      action: "revise-design",
      command: "design",
      reason: expect.stringContaining("no magic")
    })
    expect((await repo.sdlc("submit design", claude)).out).toContain("submitted already")
    repo.write(".sdlc/features/hello/design.md", "# Design\nREQ-001 by a function.\n")
    await repo.sdlc("submit design", claude)
    await repo.sdlc("approve design --as-human", ada)
    expect(await due(repo)).toBe("specified T1 create-tasks")
  })

  it("does not make results stale by recording them", async () => {
    const repo = keep(await planned())
    await throughQa(repo)
    repo.commit("record everything")
    expect(await due(repo)).toBe("merge M3 approve-merge")
    repo.write("hello.mjs", "console.log('Hello  ' + process.argv[2])\n")
    repo.commit("touch the code")
    expect((await next(repo))["rule"]).toBe("P2")
  })

  it("turns findings into fixes and dispositions", async () => {
    const repo = keep(await planned())
    await repo.sdlc("task start task-001", claude)
    greet(repo)
    await repo.sdlc("task claim task-001", claude)
    await repo.sdlc("apply --all")
    await repo.sdlc(
      `record review --data '{"verdict":"changes","findings":[{"id":"r1","severity":"high","title":"no test"}]}'`,
      bob
    )
    expect(await due(repo)).toBe("review V3 plan-fixes")
    await repo.sdlc('task add --origin review --title "Add a test" --verify "test -f hello.test.mjs"', claude)
    expect(await due(repo)).toBe("review P2 regress")
    await repo.sdlc("apply")
    expect(await next(repo)).toMatchObject({ rule: "I4", taskId: "task-901" })
    repo.write("hello.test.mjs", "\n")
    repo.commit("test")
    await repo.sdlc("task claim task-901", claude)
    await repo.sdlc("apply --all")
    expect(await due(repo)).toBe("review V1 review-code")
    await repo.sdlc(`record review --data '{"verdict":"approve","findings":[]}'`, bob)
    await repo.sdlc("thread open t-1 --message why", ada)
    expect(await due(repo)).toBe("review V4 resolve-threads")
    expect((await repo.sdlc("thread list")).out).toContain("why")
    await repo.sdlc("thread resolve t-1", claude)
    await repo.sdlc("approve review --as-human", ada)
    await repo.sdlc("apply --all")
    await repo.sdlc(
      `record audit --data '{"findings":[{"id":"a1","severity":"low","title":"small"},{"id":"a2","severity":"critical","title":"big"}]}'`,
      bob
    )
    expect(await due(repo)).toBe("audit U4 plan-fixes")
    expect((await repo.sdlc("findings")).out).toMatch(/a2 +critical +blocking/)
    await repo.sdlc('dispose a2 accept --reason "behind a flag"', bob)
    await repo.sdlc('dispose a1 track --reason "issue 7" --reference 7', bob)
    expect(await due(repo)).toBe("audit U7 accept-risk")
    expect((await repo.sdlc("approve risk", bob)).code).toBe(20)
    await repo.sdlc("approve risk --as-human", ada)
    expect(await due(repo)).toBe("audit U8 advance")
  })

  it("completes QA checks by hand, with evidence", async () => {
    const repo = keep(await planned())
    repo.write(".sdlc/features/hello/qa-plan.md", "## QA-001: greets\n- covers: SC-001\n- manual: run it and read\n")
    await repo.sdlc("apply --all")
    await repo.sdlc("submit qa-plan", claude)
    await repo.sdlc("approve qa-plan", bob)
    await repo.sdlc("apply --all")
    await repo.sdlc("task start task-001", claude)
    greet(repo)
    await repo.sdlc("task claim task-001", claude)
    await repo.sdlc("apply --all")
    await repo.sdlc(`record review --data '{"verdict":"approve","findings":[]}'`, bob)
    await repo.sdlc("approve human-review --as-human", ada)
    await repo.sdlc("apply --all")
    await repo.sdlc(`record audit --data '{"findings":[]}'`, bob)
    await repo.sdlc("apply --all")
    await repo.sdlc("qa run", bob)
    expect(await due(repo)).toBe("qa K4 complete-qa")
    repo.write("seen.txt", "Hello Ada\n")
    const attached = await repo.sdlc("evidence attach QA-001 --file seen.txt --status passed --json", bob)
    expect(attached.code).toBe(0)
    const statement = JSON.parse(repo.read(String(attached.json["path"]))) as {
      readonly _type: string
      readonly subject: ReadonlyArray<{ readonly name: string }>
    }
    expect(statement._type).toBe("https://in-toto.io/Statement/v1")
    expect(statement.subject.map((subject) => subject.name)).toEqual(["hello@code", "seen.txt"])
    expect(await due(repo)).toBe("qa K7 approve-qa")
    repo.write(String(attached.json["path"]), "{}\n")
    expect((await repo.sdlc("next")).code).toBe(3)
  })

  it("pauses, blocks, resumes and cancels", async () => {
    const repo = keep(await planned())
    await repo.sdlc('pause --reason "holiday"', ada)
    expect(await repo.sdlc("next --json")).toMatchObject({ code: 20, json: { rule: "H3" } })
    await repo.sdlc("resume", ada)
    await repo.sdlc('block --needs human --reason "which colour?" --id b-1', claude)
    expect(await repo.sdlc("next --json")).toMatchObject({ code: 20, json: { rule: "H5" } })
    expect((await repo.sdlc('unblock b-1 --answer "red"', claude)).code).toBe(20)
    await repo.sdlc('unblock b-1 --answer "red"', ada)
    expect(await due(repo)).toBe("implementation I4 implement-task")
    await repo.sdlc('cancel --reason "not needed"', ada)
    await repo.sdlc("apply --all")
    expect(await repo.sdlc("next --json")).toMatchObject({ code: 30, json: { rule: "L2" } })
    expect((await repo.sdlc("features")).out).toContain("No features.")
    expect((await repo.sdlc("features --all")).out).toContain("archived")
  })

  it("waits for dependencies and names cycles", async () => {
    const repo = keep(await planned())
    await repo.sdlc("new later --dep hello --preset lean", claude, onHello)
    repo.write(".sdlc/features/later/spec.md", spec)
    repo.write(".sdlc/features/later/tasks.md", "- task-001: x\n  - covers: REQ-001\n  - verify: `true`\n")
    await repo.sdlc("submit spec later", claude, onHello)
    await repo.sdlc("apply later", claude, onHello)
    await repo.sdlc("submit tasks later", claude, onHello)
    await repo.sdlc("apply later --all", claude, onHello)
    expect(await repo.sdlc("next later --json")).toMatchObject({
      code: 10,
      json: { rule: "Q8", action: "wait-dependency" }
    })
    await repo.sdlc(`record feature-amended hello --data '{"deps":["later"]}'`, ada, onHello)
    expect(await repo.sdlc("next later --json")).toMatchObject({ code: 20, json: { rule: "H7" } })
  })

  it("merges two branches that both recorded events, in either order, to one state", async () => {
    const repo = keep(await planned())
    repo.commit("state")
    repo.git("switch", "-q", "-c", "left")
    await repo.sdlc("task start task-001 --branch left", claude)
    await repo.sdlc("thread open t-1 --branch left", ada)
    repo.commit("left")
    repo.git("switch", "-q", "-c", "right", "sdlc/hello")
    await repo.sdlc('block --needs agent --reason "which port?" --id b-1 --branch right', bob)
    repo.commit("right")
    repo.git("merge", "-q", "--no-edit", "left")
    const one = await repo.sdlc("status hello --json")
    repo.git("switch", "-q", "left")
    repo.git("merge", "-q", "--no-edit", "right~1")
    const other = await repo.sdlc("status hello --json")
    expect(one.json).toMatchObject({
      integrity: "ok",
      blockers: [expect.objectContaining({ id: "b-1" })],
      threads: [expect.objectContaining({ id: "t-1" })]
    })
    expect(other.json["tasks"]).toEqual(one.json["tasks"])
    expect(other.json["facts"]).toMatchObject({ tRunning: true, threads: true })
    await repo.sdlc("unblock b-1 --answer 80 --branch left", claude)
    expect((await repo.sdlc("doctor")).code).toBe(0)
  })

  it("keeps to the slots that the policy gives", async () => {
    const repo = keep(await planned())
    repo.write(".sdlc/policy.yaml", `${repo.read(".sdlc/policy.yaml").replace("wip: 3", "wip: 1")}`)
    await repo.sdlc("new second --preset lean", claude, onHello)
    repo.write(".sdlc/features/second/spec.md", spec)
    repo.write(".sdlc/features/second/tasks.md", "- task-001: x\n  - covers: REQ-001\n  - verify: `true`\n")
    await repo.sdlc("submit spec second", claude, onHello)
    await repo.sdlc("apply second", claude, onHello)
    await repo.sdlc("submit tasks second", claude, onHello)
    await repo.sdlc("apply second --all", claude, onHello)
    expect(await repo.sdlc("next second --json")).toMatchObject({ code: 10, json: { rule: "Y3", action: "wait-slot" } })
  })
})
