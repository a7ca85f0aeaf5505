/** Another policy on the default branch, by a push and past the platform in the bare repository; on a feature's branch; unreadable; and who may say yes to it. */
import { rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Attack, Kind, ProjectRef } from "../Attack.ts"

const file = ".sdlc/policy.yaml"
const gates = [
  "spec",
  "design",
  "tasks",
  "qa-plan",
  "start",
  "agent-review",
  "human-review",
  "audit",
  "risk",
  "uat",
  "merge"
]
const all = (mode: string, more = "") =>
  `v: 1\ngates: { ${gates.map((gate) => `${gate}: ${mode}`).join(", ")} }\n${more}`
const ownKey = "keyring:\n  - id: mine\n    ed25519: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"

interface Policy {
  readonly digest: string
  readonly gates: Record<string, string>
  readonly keyring: ReadonlyArray<{ readonly id: string }>
  readonly proposal: Record<string, unknown> | null
  readonly accepted: Record<string, unknown> | null
  readonly wip: number
}
const policyOf = async (attack: Attack, project: ProjectRef): Promise<Policy> => {
  const found = await attack.must("GET", `/projects/${project.name}/policy`)
  const policy = found["policy"] as {
    readonly gates: Record<string, string>
    readonly keyring: Policy["keyring"]
    readonly wip: number
  }
  return {
    digest: String(found["digest"]),
    gates: policy.gates,
    keyring: policy.keyring,
    wip: policy.wip,
    proposal: found["proposal"] as Policy["proposal"],
    accepted: found["accepted"] as Policy["accepted"]
  }
}

/** A clone of the bare repository itself: what is pushed from it passes no server. */
const inside = async (attack: Attack, project: ProjectRef): Promise<string> => {
  const folder = join(attack.temporary(), "inside")
  const cloned = await attack.git(
    attack.temporary(),
    "clone",
    "-q",
    join(attack.server.dataDir, "git", `${project.name}.git`),
    folder
  )
  if (cloned.code !== 0) throw new Error(cloned.output)
  return folder
}
const put = async (attack: Attack, folder: string, branch: string, write: (folder: string) => void) => {
  await attack.git(folder, "fetch", "-q", "origin")
  await attack.git(folder, "switch", "-q", "--detach", `origin/${branch}`)
  write(folder)
  await attack.git(folder, "add", "-A")
  await attack.git(folder, "commit", "-q", "-m", "another policy")
  const pushed = await attack.git(folder, "push", "-q", "origin", `HEAD:${branch}`)
  if (pushed.code !== 0) throw new Error(pushed.output)
}
/** Anew: an earlier try may have left a link there. */
const fresh = (folder: string, content: string | Buffer) => {
  rmSync(join(folder, file), { force: true })
  writeFileSync(join(folder, file), content)
}
const text = (content: string) => (folder: string) => fresh(folder, content)

const weak: ReadonlyArray<readonly [string, string]> = [
  ["all gates off", all("off")],
  ["all gates automatic", all("auto")],
  ["the empty policy with a keyring of one's own", `v: 1\n${ownKey}`],
  ["no keyring", all("human")],
  ["the platform's name with another key", `${all("off")}${ownKey.replace("mine", "platform")}`],
  ["nobody's duties separated", all("human", "separationOfDuties: false\n")],
  ["waivers for agents", all("human", "waive: agent\n")],
  ["a thousand attempts", all("human", "maxAttempts: 1000\nmaxRework: 1000\nwip: 1000\n")],
  ["nothing blocks", all("human", "blockSeverity: critical\n")],
  [
    "a preset that opens everything",
    `${all("human")}presets: { feature: { gates: { ${gates.map((gate) => `${gate}: off`).join(", ")} } } }\n`
  ]
]
const unreadable: ReadonlyArray<readonly [string, (folder: string) => void]> = [
  ["no file", (folder) => rmSync(join(folder, file))],
  ["a file that is no YAML", text("gates: [")],
  ["an unknown gate", text("v: 1\ngates: { spek: off }\n")],
  ["an unknown field", text("v: 1\ngate: {}\n")],
  [
    "a link",
    (folder) => {
      rmSync(join(folder, file))
      symlinkSync("/dev/null", join(folder, file))
    }
  ],
  ["300 KB", text(`# ${"x".repeat(300_000)}\nv: 1\n`)],
  ["bytes that are no text", (folder) => fresh(folder, Buffer.from([0xff, 0xfe, 0x00]))],
  ["an alias bomb", text(`a: &a [${"x,".repeat(20)}]\nb: &b [${"*a,".repeat(20)}]\nc: [${"*b,".repeat(20)}]\n`)]
]

const rank = ["off", "auto", "agent", "human"]
const isNoWeaker = (now: Policy, before: Policy) =>
  gates.every((gate) => rank.indexOf(now.gates[gate] ?? "") >= rank.indexOf(before.gates[gate] ?? "")) &&
  now.keyring.length === 1 &&
  now.keyring[0]?.id === "platform" &&
  now.wip <= before.wip

const tryWeaker = async (attack: Attack, project: ProjectRef, folder: string) => {
  const before = await policyOf(attack, project)
  attack.held("the template's policy is accepted from the start", before.accepted !== null && before.proposal === null)
  for (const [what, content] of weak) {
    await put(attack, folder, "main", text(content))
    const now = await policyOf(attack, project)
    attack.held(
      `${what}, written into the repository itself, weakens nothing`,
      isNoWeaker(now, before),
      JSON.stringify(now)
    )
    attack.held(
      `${what} is shown as a proposal with what it would weaken`,
      now.proposal !== null && (now.proposal["weakens"] as ReadonlyArray<unknown>).length > 0,
      JSON.stringify(now.proposal)
    )
  }
  for (const [what, write] of unreadable) {
    await put(attack, folder, "main", write)
    const now = await policyOf(attack, project)
    attack.held(
      `${what} in the place of the policy leaves the accepted one in force`,
      now.digest === before.digest && typeof now.proposal?.["problem"] === "string",
      JSON.stringify(now)
    )
  }
  await put(attack, folder, "main", text(all("human", ownKey.replace("mine", "platform"))))
  const strict = await policyOf(attack, project)
  attack.held(
    "what is stricter holds at once",
    gates.every((gate) => strict.gates[gate] === "human"),
    JSON.stringify(strict.gates)
  )
  const told = (await attack.events(project, "types=policy.proposed")).length
  attack.held("each proposal is an event, once", told === weak.length + unreadable.length + 1, `${told} events`)
}

const next = (attack: Attack, project: ProjectRef, slug: string) =>
  attack.must("GET", `/projects/${project.name}/sdlc/features/${slug}/why`)

/** A feature's branch with a policy of its own, and a feature under a proposal. */
const tryFeatures = async (attack: Attack, project: ProjectRef, folder: string) => {
  await attack.must("POST", `/projects/${project.name}/sdlc/features`, {
    body: { title: "Own rules", slug: "own-rules", start: false }
  })
  const before = await next(attack, project, "own-rules")
  await put(attack, folder, "feature/own-rules", text(all("off")))
  const after = await next(attack, project, "own-rules")
  attack.held(
    "a feature's own branch decides nothing about its policy",
    before["policy_rev"] === after["policy_rev"] && before["rule"] === after["rule"],
    JSON.stringify(after)
  )
  attack.held("no feature's branch is a proposal", (await policyOf(attack, project)).proposal === null)
  await put(attack, folder, "main", text(all("off")))
  const proposed = await next(attack, project, "own-rules")
  attack.held(
    "a decision says that another policy is proposed",
    (proposed["policy_proposal"] as Record<string, unknown> | null)?.["rejected"] === false,
    JSON.stringify(proposed["policy_proposal"])
  )
  attack.held(
    "a proposal does not change what is next",
    proposed["rule"] === before["rule"] && proposed["policy_rev"] === before["policy_rev"],
    JSON.stringify(proposed)
  )
}

const tryAcceptance = async (attack: Attack, project: ProjectRef, folder: string) => {
  await put(attack, folder, "main", text(all("off")))
  const before = await policyOf(attack, project)
  const digest = String(before.proposal?.["digest"])
  const say = (verb: string, key: string | undefined, body: object) =>
    attack.api("POST", `/projects/${project.name}/policy/${verb}`, { body, ...(key === undefined ? {} : { key }) })
  const keyOf = async (scopes: ReadonlyArray<string>, type: "human" | "agent" | "ci") =>
    (await attack.newKey({ scopes, type })).key
  const everything = [
    "projects:read",
    "projects:execute",
    "queue:read",
    "queue:write",
    "sessions:read",
    "sessions:execute",
    "sdlc:read",
    "sdlc:write",
    "builds:write",
    "services:write",
    "webhooks:manage",
    "keys:manage"
  ]
  const tries: ReadonlyArray<readonly [string, string | undefined, object, ReadonlyArray<number>]> = [
    ["a key with every scope but sdlc:approve", await keyOf(everything, "human"), { digest }, [403]],
    ["an agent that may approve", await keyOf(["sdlc:approve"], "agent"), { digest }, [403]],
    ["a pipeline that may approve", await keyOf(["sdlc:approve"], "ci"), { digest }, [403]],
    ["an agent with the scope admin", await keyOf(["admin"], "agent"), { digest }, [403]],
    ["nobody's key", "rdev_local_nobody", { digest }, [401]],
    [
      "the admin with another digest",
      undefined,
      { digest: `${digest.slice(0, -1)}0` === digest ? `${digest.slice(0, -1)}1` : `${digest.slice(0, -1)}0` },
      [409]
    ],
    ["the admin without a digest", undefined, {}, [400]],
    ["the admin with the accepted digest", undefined, { digest: before.digest }, [409]]
  ]
  for (const [who, key, body, statuses] of tries) {
    const answer = await say("accept", key, body)
    attack.held(
      `${who} does not accept a weaker policy`,
      statuses.includes(answer.status),
      `answered ${answer.status}: ${answer.text}`
    )
  }
  attack.held("a refused acceptance changes nothing", (await policyOf(attack, project)).digest === before.digest)
  const agentRejects = await say("reject", await keyOf(["sdlc:read"], "human"), { digest, reason: "no" })
  attack.held("a key that only reads rejects nothing", agentRejects.status === 403, agentRejects.text)
  const rejected = await say("reject", undefined, { digest, reason: "it opens everything" })
  attack.held(
    "a person with the scope says no",
    rejected.status === 200 &&
      (rejected.json?.["proposal"] as Record<string, unknown> | undefined)?.["rejected"] === true,
    rejected.text
  )
  const accepted = await say("accept", await keyOf(["sdlc:approve", "sdlc:read"], "human"), {
    digest,
    reason: "after all"
  })
  attack.held("a person with the scope says yes", accepted.status === 200, accepted.text)
  await attack.restart()
  const now = await policyOf(attack, project)
  attack.held(
    "what was accepted is in force, after a restart too",
    now.digest === digest && now.proposal === null && gates.every((gate) => now.gates[gate] === "off"),
    JSON.stringify(now)
  )
  await put(attack, folder, "main", text(all("human")))
  const strict = await policyOf(attack, project)
  await say("reject", undefined, { digest: String(strict.proposal?.["digest"]), reason: "not now" })
  attack.held(
    "of what was rejected not even the stricter part holds",
    strict.gates["spec"] === "human" && (await policyOf(attack, project)).gates["spec"] === "off"
  )
}

/** Over the API's own road: who may approve pushes a weaker policy, and it waits all the same. */
const tryPush = async (attack: Attack, project: ProjectRef) => {
  const clone = await attack.clone(project)
  await attack.git(clone, "switch", "-q", "--detach", "origin/main")
  const before = await policyOf(attack, project)
  writeFileSync(join(clone, file), all("off"))
  await attack.git(clone, "commit", "-q", "-a", "-m", "open everything")
  const pushed = await attack.git(clone, "push", "origin", "HEAD:main")
  attack.held("who may approve may push a policy", pushed.code === 0, pushed.output)
  const now = await policyOf(attack, project)
  attack.held(
    "a pushed policy waits for its acceptance, whoever pushed it",
    isNoWeaker(now, before) && now.proposal !== null,
    JSON.stringify(now)
  )
}

export const kind: Kind = {
  name: "policy-authority",
  promise: "Only what a person with sdlc:approve accepted makes a policy weaker, by whatever road another one came",
  run: async (attack) => {
    const projects = [
      await attack.project(),
      await attack.project(),
      await attack.project(),
      await attack.project()
    ] as const
    await tryWeaker(attack, projects[0], await inside(attack, projects[0]))
    await tryFeatures(attack, projects[1], await inside(attack, projects[1]))
    await tryPush(attack, projects[3])
    await tryAcceptance(attack, projects[2], await inside(attack, projects[2]))
  }
}
