import { execFileSync } from "node:child_process"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import type { Attack, Kind, ProjectRef } from "../Attack.ts"

/** Names outside of branches and tags, and names in them that something takes for another thing. */
const forbidden = (sha: string): ReadonlyArray<string> => [
  `refs/replace/${sha}`,
  `refs/replace/x/${sha}`,
  "refs/notes/commits",
  "refs/notes/x",
  "refs/stash",
  "refs/original/refs/heads/main",
  "refs/bisect/bad",
  "refs/rewritten/x",
  "refs/worktree/x",
  "refs/rdev/incoming/x",
  "refs/rdev/commits/x",
  `refs/rdev/incoming/${sha}`,
  "refs/remotes/origin/main",
  "refs/pull/1/head",
  "refs/merge-requests/1/head",
  "refs/meta/config",
  "refs/changes/01/1/1",
  "refs/for/main",
  "refs/keep-around/x",
  "refs/environments/x",
  "refs/prefetch/heads/main",
  "refs/bundles/x",
  "refs/x",
  "refs/heads",
  "refs/tags",
  "refs/headsx/main",
  "refs/HEADS/main",
  "refs/Heads/main",
  "refs/Replace/x",
  "refs/heads-/x",
  "refs/tagsx/y",
  "HEAD",
  "FETCH_HEAD",
  "MERGE_HEAD",
  "config",
  "refs/heads/-x",
  "refs/tags/-x",
  "refs/heads/--upload-pack=x"
]

const zero = "0".repeat(40)
const packet = (line: string) => `${(Buffer.byteLength(line) + 4).toString(16).padStart(4, "0")}${line}`

/** A push as bytes, for names that git's own client refuses to send. */
const rawPush = async (attack: Attack, url: URL, commands: ReadonlyArray<readonly [string, string, string]>) => {
  const capabilities = "report-status agent=attack"
  const lines = commands
    .map(([from, to, ref], i) => packet(i === 0 ? `${from} ${to} ${ref}\0 ${capabilities}` : `${from} ${to} ${ref}`))
    .join("")
  const pack = execFileSync("git", ["pack-objects", "--stdout", "-q"], {
    cwd: attack.temporary(),
    input: "",
    env: {
      PATH: process.env["PATH"] ?? "",
      GIT_DIR: join(attack.server.dataDir, "git", url.pathname.split("/").at(-1) ?? "")
    }
  })
  const answer = await fetch(`${url.origin}${url.pathname}/git-receive-pack`, {
    method: "POST",
    headers: {
      authorization: `Basic ${Buffer.from(`${url.username}:${url.password}`).toString("base64")}`,
      "content-type": "application/x-git-receive-pack-request"
    },
    body: Buffer.concat([Buffer.from(`${lines}0000`), pack])
  })
  return answer.text()
}

const origin = async (attack: Attack, clone: string) =>
  new URL((await attack.git(clone, "remote", "get-url", "origin")).output.trim())
const refsOf = (attack: Attack, project: ProjectRef) =>
  execFileSync("git", ["for-each-ref", "--format=%(refname) %(objectname)"], {
    encoding: "utf8",
    env: { PATH: process.env["PATH"] ?? "", GIT_DIR: join(attack.server.dataDir, "git", `${project.name}.git`) }
  })

const pushes = async (attack: Attack, project: ProjectRef, clone: string) => {
  const head = (await attack.git(clone, "rev-parse", "HEAD")).output.trim()
  await attack.git(clone, "checkout", "-q", "--detach")
  await attack.git(clone, "commit", "-q", "--allow-empty", "-m", "evil")
  const evil = (await attack.git(clone, "rev-parse", "HEAD")).output.trim()
  const before = refsOf(attack, project)
  for (const ref of forbidden(head)) {
    const pushed = await attack.git(clone, "push", "-q", "origin", `${evil}:${ref}`)
    attack.held(`a push to ${ref} is refused`, pushed.code !== 0, pushed.output)
  }
  const url = await origin(attack, clone)
  for (const ref of [
    ...forbidden(head),
    "refs/heads/../replace/x",
    "refs/heads/a/../../replace/x",
    "../../config",
    "refs/heads/x\n",
    "refs/heads/x.lock",
    "refs/heads/",
    "refs//heads/x",
    "/refs/heads/x",
    "refs/heads/.x",
    "refs/heads/a..b",
    "refs/heads/@{-1}"
  ]) {
    const said = await rawPush(attack, url, [[zero, head, ref]])
    attack.held(`a raw push to ${JSON.stringify(ref)} is refused`, !/^....ok /m.test(said), said)
  }
  const mixed = await rawPush(attack, url, [
    [zero, head, "refs/heads/mixed"],
    [zero, head, `refs/replace/${head}`]
  ])
  attack.held(
    "a good name in the same push does not take a bad one along",
    !new RegExp(`ok refs/replace/${head}`).test(mixed),
    mixed
  )
  const after = refsOf(attack, project)
    .split("\n")
    .filter((line) => !line.startsWith("refs/heads/mixed "))
    .join("\n")
  attack.held("no ref outside of branches came into being", after === before, after)
}

const shallow = async (attack: Attack, clone: string) => {
  const url = await origin(attack, clone)
  const folder = join(attack.temporary(), "shallow")
  const cloned = await attack.git(clone, "clone", "-q", "--depth=1", "-b", "main", url.href, folder)
  attack.held("a shallow clone is served", cloned.code === 0, cloned.output)
  await attack.git(folder, "checkout", "-q", "--orphan", "cut")
  const tree = (await attack.git(folder, "rev-parse", "HEAD^{tree}")).output.trim()
  const ghost = (await attack.git(folder, "hash-object", "-t", "commit", "-w", "--stdin-paths")).output
  attack.held(
    "the clone has no way to name a parent that it lacks",
    ghost.trim() === "" || ghost.includes("fatal"),
    ghost
  )
  const made = execFileSync("git", ["hash-object", "-t", "commit", "-w", "--stdin", "--literally"], {
    cwd: folder,
    encoding: "utf8",
    env: { PATH: process.env["PATH"] ?? "" },
    input: `tree ${tree}\nparent ${"1".repeat(40)}\nauthor A <a@b> 1700000000 +0000\ncommitter A <a@b> 1700000000 +0000\n\nno parent\n`
  }).trim()
  writeFileSync(join(folder, ".git/shallow"), `${made}\n`, { flag: "a" })
  const pushed = await attack.git(folder, "push", "-q", "origin", `${made}:refs/heads/cut`)
  attack.held("a push that cuts the history off is refused", pushed.code !== 0, pushed.output)
}

/** What lies in the repository already, as if an older version had let it in, or somebody had copied it there. */
const planted = async (attack: Attack, project: ProjectRef, clone: string) => {
  const directory = join(attack.server.dataDir, "git", `${project.name}.git`)
  const server = (...args: ReadonlyArray<string>) =>
    execFileSync("git", ["--git-dir", directory, ...args], {
      encoding: "utf8",
      env: { PATH: process.env["PATH"] ?? "" },
      stdio: ["ignore", "pipe", "pipe"]
    }).trim()
  await attack.git(clone, "checkout", "-q", "-B", "evil", "origin/main")
  writeFileSync(
    join(clone, ".sdlc/policy.yaml"),
    readFileSync(join(clone, ".sdlc/policy.yaml"), "utf8").replaceAll(/: (?:human|agent)$/gm, ": off")
  )
  mkdirSync(join(clone, "evil"))
  await attack.git(clone, "add", "-A")
  await attack.git(clone, "commit", "-qm", "evil")
  const evil = (await attack.git(clone, "rev-parse", "HEAD")).output.trim()
  const real = (await attack.git(clone, "rev-parse", "origin/main")).output.trim()
  execFileSync("git", ["--git-dir", directory, "fetch", "-q", clone, "evil"], {
    env: { PATH: process.env["PATH"] ?? "" },
    stdio: "ignore"
  })
  server("update-ref", `refs/replace/${real}`, evil)
  server(
    "update-ref",
    `refs/replace/${server("rev-parse", `${real}^{tree}`)}`,
    server("--no-replace-objects", "rev-parse", `${evil}^{tree}`)
  )
  server("update-ref", "refs/tags/main", evil)
  server("update-ref", `refs/heads/${real}`, evil)
  server("update-ref", "refs/heads/HEAD", evil)
  for (const [path, content] of [
    ["info/grafts", `${real} ${evil}\n`],
    ["shallow", `${real}\n`],
    ["info/attributes", "* merge=ours\n"]
  ] as const) {
    mkdirSync(dirname(join(directory, path)), { recursive: true })
    writeFileSync(join(directory, path), content)
  }
  writeFileSync(
    join(directory, "config"),
    `[core]\n\tbare = true\n\thooksPath = hooks\n\tfsmonitor = touch ${attack.server.dataDir}/canary\n\tuseReplaceRefs = true\n[uploadpack]\n\tpackObjectsHook = touch ${attack.server.dataDir}/canary\n[transfer]\n\thideRefs = !refs/replace\n`
  )
  await attack.restart("SIGKILL")
  const fresh = await attack.clone(project)
  attack.held(
    "a clone holds the branch as it is",
    (await attack.git(fresh, "rev-parse", "HEAD")).output.trim() === real
  )
  const listed = (await attack.git(fresh, "ls-remote", "origin")).output
  attack.held("neither replacements nor bookkeeping are shown", !/refs\/(?:replace|rdev|notes)/.test(listed), listed)
  attack.held(
    "the policy is read as it is",
    !readFileSync(join(fresh, ".sdlc/policy.yaml"), "utf8").includes("spec: off")
  )
  const config = readFileSync(join(directory, "config"), "utf8")
  attack.held("the server's settings are its own again", !config.includes("canary"), config)
  await attack.must("POST", `/projects/${project.name}/sdlc/features`, { body: { title: "after", slug: "after" } })
  const decided = await attack.until(
    `/projects/${project.name}/sdlc/features/after`,
    (feature) => feature["decision"] !== null,
    20
  )
  attack.held("a feature is driven from the real commit", decided["decision"] !== null, JSON.stringify(decided))
  const branch = server("--no-replace-objects", "merge-base", "refs/heads/feature/after", real)
  attack.held("its branch begins at the real commit", branch === real, branch)
}

export const kind: Kind = {
  name: "git-refs",
  promise: "Only branches and tags can be pushed, and a commit is what its id says",
  run: async (attack) => {
    const project = await attack.project()
    const clone = await attack.clone(project)
    await pushes(attack, project, clone)
    await shallow(attack, clone)
    await planted(attack, project, clone)
  }
}
