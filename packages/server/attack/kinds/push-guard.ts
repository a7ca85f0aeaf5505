/** Pushes of keys that may push code and nothing more: other refs, confusing names, the policy, records, the default branch, a merge by hand. */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import type { Attack, Kind, ProjectRef } from "../Attack.ts"

const refs = [
  "refs/replace/1111111111111111111111111111111111111111",
  "refs/rdev/incoming/x",
  "refs/notes/commits",
  "refs/remotes/origin/main",
  "refs/stash",
  "refs/meta/config",
  "refs/changes/01/1/1",
  "refs/pull/1/head",
  "refs/for/main",
  "refs/bisect/bad",
  "refs/worktree/x",
  "refs/original/refs/heads/main",
  "refs/Heads/main",
  "refs/keep-around/x",
  "refs/heads/refs/heads/main",
  "refs/heads/heads/main",
  "refs/heads/tags/v1",
  "refs/tags/refs/tags/x",
  "refs/heads/HEAD",
  "refs/heads/head",
  "refs/heads/FETCH_HEAD",
  "refs/tags/HEAD",
  "refs/heads/Main",
  "refs/heads/MAIN",
  "refs/heads/maIn",
  "refs/heads/1111111111111111111111111111111111111111",
  "refs/heads/-x",
  "refs/heads/a/-x",
  "refs/tags/--exec=x",
  "refs/heads/ma\u200bin",
  "refs/heads/\u202eniam",
  "refs/heads/ﬀ\u00a0x",
  "refs/heads/e\u0301",
  "refs/heads/remotes/origin/main",
  "refs/heads/replace/x",
  "refs/heads/notes/x"
]

const listed = async (attack: Attack, clone: string) => (await attack.git(clone, "ls-remote", "origin")).output

/** One forbidden ref beside a good one, by git's own client: neither lands. */
const tryRefs = async (attack: Attack, clone: string) => {
  for (const [at, ref] of refs.filter((_, at) => at % 9 === 0).entries()) {
    const pushed = await attack.git(clone, "push", "origin", `HEAD:refs/heads/good-${at}`, `HEAD:${ref}`)
    attack.held(
      `${JSON.stringify(ref)} is refused, and says so`,
      pushed.code !== 0 && pushed.output.includes("nothing of this push was taken"),
      pushed.output
    )
  }
  const after = await listed(attack, clone)
  attack.held("nothing of a push with a forbidden ref lands", !after.includes("refs/heads/good-"), after)
}

/** The list of refs by hand, with what git's own client would never send. */
const tryRaw = async (attack: Attack, project: ProjectRef, clone: string, key: string) => {
  const head = (await attack.git(clone, "rev-parse", "HEAD")).output.trim()
  const made = await attack.must("POST", `/projects/${project.name}/git-tokens`, { key, body: { access: "write" } })
  const authorization = `Basic ${Buffer.from(`rdev:${String(made["token"])}`).toString("base64")}`
  const packet = (text: string | Buffer) =>
    Buffer.concat([Buffer.from((Buffer.byteLength(text) + 4).toString(16).padStart(4, "0")), Buffer.from(text)])
  const zero = "0".repeat(40)
  const caps = "\0report-status side-band-64k agent=attack"
  const one = (ref: string) => packet(`${zero} ${head} ${ref}${caps}`)
  const bodies: ReadonlyArray<readonly [string, Buffer]> = [
    ...refs.map(
      (ref) =>
        [JSON.stringify(ref), Buffer.concat([one("refs/heads/raw-good"), packet(`${zero} ${head} ${ref}`)])] as const
    ),
    ["HEAD", one("HEAD")],
    ["a ref with a newline", one("refs/heads/a\nb")],
    ["a ref with an escape", one("refs/heads/a\u001b[2J")],
    ["a ref with two dots", one("refs/heads/../replace/x")],
    ["a lock", one("refs/heads/x.lock")],
    [
      "bytes that are no UTF-8",
      packet(Buffer.concat([Buffer.from(`${zero} ${head} refs/heads/x`), Buffer.from([0xff, 0xfe]), Buffer.from(caps)]))
    ],
    ["a signed push", packet(`push-cert${caps}`)],
    ["the same ref twice", Buffer.concat([one("refs/heads/twice"), packet(`${zero} ${head} refs/heads/twice`)])],
    ["a packet of length 3", Buffer.from("0003")],
    ["no packet", Buffer.from("hello, this is no push")],
    [
      "a good ref and a replace ref",
      Buffer.concat([one("refs/heads/raw-good"), packet(`${zero} ${head} refs/replace/${head}`)])
    ]
  ]
  for (const [what, body] of bodies) {
    const answer = await fetch(`${attack.server.url}/git/${project.name}.git/git-receive-pack`, {
      method: "POST",
      headers: { authorization, "content-type": "application/x-git-receive-pack-request" },
      body: Buffer.concat([body, Buffer.from("0000")]) as unknown as string
    }).then(
      (response) => response.text(),
      (cause: unknown) => String(cause)
    )
    attack.held(`${what} as a ref is refused`, !/ok refs\//.test(answer), answer)
  }
  const after = await listed(attack, clone)
  attack.held("nothing of a push by hand lands", !/raw-good|twice|\/x|replace/.test(after), after)
  attack.held(
    "no ref but branches and tags is there",
    after.split("\n").every((line) => line === "" || /\t(?:HEAD|refs\/(?:heads|tags)\/[\w./-]+)$/.test(line)),
    after
  )
}

type Change = readonly [what: string, write: (folder: string) => void]
const put = (path: string, content: string) => (folder: string) => {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), content)
}
const lax =
  "v: 1\ngates: { spec: off, design: off, tasks: off, qa-plan: off, start: auto, agent-review: off, human-review: off, audit: off, risk: off, uat: off, merge: auto }\n"
const eventOf = (type: string, actor: object, data: object) =>
  JSON.stringify({
    v: 1,
    id: "01J00000000000000000000000",
    parents: [],
    actor,
    type,
    at: "2030-01-01T00:00:00.000Z",
    data
  })
const forged = (type: string, actor: object, data: object) =>
  put(`.sdlc/features/shop/events/01J00000000000000000000000-${type}.json`, eventOf(type, actor, data))

const changes: ReadonlyArray<Change> = [
  ["a policy with the gates off", put(".sdlc/policy.yaml", lax)],
  ["no policy", (folder) => rmSync(join(folder, ".sdlc/policy.yaml"))],
  ["no .sdlc", (folder) => rmSync(join(folder, ".sdlc"), { recursive: true })],
  [
    "a policy that is a link",
    (folder) => {
      rmSync(join(folder, ".sdlc/policy.yaml"))
      symlinkSync("../package.json", join(folder, ".sdlc/policy.yaml"))
    }
  ],
  ["a policy in capitals", put(".SDLC/policy.yaml", lax)],
  ["a policy with a capital", put(".sdlc/Policy.yaml", lax)],
  ["a policy under an invisible character", put(".sd\u200blc/policy.yaml", lax)],
  [
    "a keyring of one's own",
    put(".sdlc/policy.yaml", `${lax}keyring:\n  - id: mine\n    ed25519: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n`)
  ],
  [
    "a person's verdict",
    forged(
      "verdict",
      { id: "admin", type: "human" },
      { gate: "spec", subject: null, verdict: "waive", reason: "x", upstream: {} }
    )
  ],
  [
    "the platform's phase",
    forged("phase-moved", { id: "platform", type: "platform" }, { from: "draft", to: "merge", rule: "x", reason: "x" })
  ],
  [
    "a CI result",
    forged(
      "ci-recorded",
      { id: "platform", type: "platform" },
      { tree: `sha256:${"0".repeat(64)}`, sha: "x", run: "r", status: "passed" }
    )
  ],
  [
    "another agent's review",
    forged(
      "review-recorded",
      { id: "scripted", type: "agent" },
      { tree: `sha256:${"0".repeat(64)}`, verdict: "approve", findings: [] }
    )
  ],
  ["an event that is none", put(".sdlc/features/shop/events/notes.txt", "x")],
  ["evidence under another's digest", put(`.sdlc/features/shop/evidence/${"0".repeat(64)}.intoto.json`, "{}")],
  ["a feature's identity", put(".sdlc/features/shop/feature.yaml", "v: 1\nid: x\n")]
]

const tryChanges = async (attack: Attack, clone: string, branch: string) => {
  const before = await listed(attack, clone)
  for (const [what, write] of changes) {
    await attack.git(clone, "switch", "-q", "--detach", "origin/main")
    write(clone)
    await attack.git(clone, "add", "-A")
    await attack.git(clone, "commit", "-q", "-m", what)
    const pushed = await attack.git(clone, "push", "origin", `HEAD:refs/heads/${branch}`, `HEAD:refs/tags/t-${branch}`)
    attack.held(`${what} on ${branch} is refused`, pushed.code !== 0, pushed.output)
    attack.held(
      `${what} on ${branch}: the refusal says which scope it takes, or what is wrong`,
      /remote: .+: .+/.test(pushed.output) &&
        (!/person's|phase|result|review|policy$/.test(what) || pushed.output.includes("sdlc:approve")),
      pushed.output
    )
    await attack.git(clone, "clean", "-fdq")
  }
  attack.held(`nothing of what was refused on ${branch} landed`, before === (await listed(attack, clone)))
  await attack.git(clone, "switch", "-q", "--detach", "origin/main")
}

const tryDefaultBranch = async (attack: Attack, clone: string, admin: string) => {
  for (const [who, folder] of [
    ["a key that pushes", clone],
    ["the admin", admin]
  ] as const) {
    await attack.git(folder, "switch", "-q", "--orphan", `orphan-${who.length}`)
    await attack.git(folder, "commit", "-q", "--allow-empty", "-m", "another history")
    const forced = await attack.git(folder, "push", "--force", "origin", "HEAD:main")
    attack.held(`${who} cannot rewrite the default branch`, forced.code !== 0, forced.output)
    const deleted = await attack.git(folder, "push", "origin", ":main")
    attack.held(`${who} cannot delete the default branch`, deleted.code !== 0, deleted.output)
    await attack.git(folder, "switch", "-q", "--detach", "origin/main")
  }
}

/** The feature's branch onto the default branch by hand, as a merge, as its files alone, and in parts. */
const tryMerge = async (attack: Attack, project: ProjectRef, clone: string) => {
  await attack.must("POST", `/projects/${project.name}/sdlc/features`, {
    body: { title: "Shop", slug: "shop", start: false }
  })
  await attack.git(clone, "fetch", "-q", "origin")
  const push = async (what: string, ...steps: ReadonlyArray<ReadonlyArray<string>>) => {
    await attack.git(clone, "switch", "-q", "--detach", "origin/main")
    for (const step of steps) await attack.git(clone, ...step)
    const pushed = await attack.git(clone, "push", "origin", "HEAD:main")
    attack.held(
      `${what} is not pushed past the gates`,
      pushed.code !== 0 && pushed.output.includes("sdlc:approve"),
      pushed.output
    )
  }
  await push("a fast-forward to a feature's branch", ["merge", "-q", "--ff-only", "origin/feature/shop"])
  await push("a merge of a feature's branch", ["merge", "-q", "--no-ff", "-m", "merge", "origin/feature/shop"])
  await push(
    "a squash of a feature's branch",
    ["merge", "-q", "--squash", "origin/feature/shop"],
    ["commit", "-q", "-m", "squash"]
  )
  await push(
    "one recorded file of a feature",
    ["checkout", "-q", "origin/feature/shop", "--", ".sdlc/features/shop/feature.yaml"],
    ["commit", "-q", "-m", "part"]
  )
  const gone = await attack.git(clone, "push", "origin", ":feature/shop")
  attack.held(
    "a feature's branch is not deleted with its records",
    gone.code !== 0 && gone.output.includes("sdlc:approve"),
    gone.output
  )
  await attack.git(clone, "switch", "-q", "--detach", "origin/main")
  await attack.git(clone, "commit", "-q", "--allow-empty", "-m", "elsewhere")
  const rewritten = await attack.git(clone, "push", "--force", "origin", "HEAD:feature/shop")
  attack.held(
    "a feature's branch is not rewritten",
    rewritten.code !== 0 && rewritten.output.includes("sdlc:approve"),
    rewritten.output
  )
}

export const kind: Kind = {
  name: "push-guard",
  promise: "A push brings code on branches and tags, and nothing that a scope or a gate guards",
  run: async (attack) => {
    const project = await attack.project()
    const { key } = await attack.newKey({ scopes: ["projects:execute", "sdlc:write"], type: "ci" })
    const clone = await attack.clone(project, { key })
    const admin = await attack.clone(project)
    await attack.git(clone, "commit", "-q", "--allow-empty", "-m", "x")
    await tryRefs(attack, clone)
    await tryRaw(attack, project, clone, key)
    for (const branch of ["topic", "main"]) await tryChanges(attack, clone, branch)
    await tryDefaultBranch(attack, clone, admin)
    await tryMerge(attack, project, clone)
    writeFileSync(join(clone, "NOTES.md"), "by hand\n")
    await attack.git(clone, "switch", "-q", "--detach", "origin/main")
    await attack.git(clone, "add", "NOTES.md")
    await attack.git(clone, "commit", "-q", "-m", "Notes")
    const code = await attack.git(clone, "push", "origin", "HEAD:main", "HEAD:refs/heads/notes", "HEAD:refs/tags/v1")
    attack.held("code is pushed as ever", code.code === 0, code.output)
  }
}
