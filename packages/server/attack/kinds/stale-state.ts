import { existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import type { Attack, Kind, ProjectRef } from "../Attack.ts"

/** What a killed process, or an agent, leaves at the end of a run; the next run of the same feature must not notice. */
const leftovers: Readonly<Record<string, string>> = {
  locks: "for f in $(find .git -type f) .git/HEAD .git/index .git/config .git/shallow; do : > $f.lock; done",
  "emptied-files": 'find .git -type f -exec sh -c \'chmod u+w "$1"; : > "$1"\' _ {} \\;',
  "pipes-for-files": 'find .git -type f -exec sh -c \'rm -f "$1"; mkfifo "$1"\' _ {} \\;',
  "a-link": "rm -rf .git; ln -s / .git",
  "shut-folders":
    "mkdir -p shut/a/b; : > shut/a/b/c; chmod 000 shut/a/b; chmod 500 shut/a; mkfifo pipe; mkdir nested; (cd nested; git init -q)",
  "in-the-way": "rm -rf src rdev.yaml .sdlc; ln -s /etc src; mkdir -p rdev.yaml/x; chmod 000 rdev.yaml; : > .sdlc"
}

/** Left by a run that fails in the middle, so that nothing of it lands and the next one starts where it did. */
const crashed = ["shut-folders", "in-the-way"]
const cases = Object.entries(leftovers).map(([slug, script]) =>
  crashed.includes(slug)
    ? `${slug}) if [ ! -e "$HOME/crashed" ]; then : > "$HOME/crashed"; ${script}; exit 7; fi ;;`
    : `${slug}) ${script} ;;`
)
/** Writes a file and then damages: the file lands, because a hand-over needs nothing of the repository. */
const script = [
  "git fsck --no-dangling",
  "if git status --porcelain | grep .; then exit 9; fi",
  "if find .git -name '*.lock' | grep .; then exit 8; fi",
  "test -f .sdlc/policy.yaml",
  "git rev-parse --verify -q HEAD",
  "n=$(ls run-*.txt 2>/dev/null | wc -l)",
  'echo "$RDEV_FEATURE" > "run-$n.txt"',
  "case $RDEV_FEATURE in",
  ...cases,
  "esac"
].join("\n")

const pause = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))

const runs = async (attack: Attack, project: ProjectRef) => {
  const slugs = Object.keys(leftovers)
  for (const slug of slugs)
    await attack.must("POST", `/projects/${project.name}/sdlc/features`, { body: { title: slug, slug } })
  const clone = await attack.clone(project)
  const landed = async (slug: string) => {
    await attack.git(clone, "fetch", "-q", "origin", `+refs/heads/feature/${slug}:refs/remotes/origin/feature/${slug}`)
    return (await attack.git(clone, "ls-tree", "-r", "--name-only", `refs/remotes/origin/feature/${slug}`)).output
      .split("\n")
      .filter((file) => file.startsWith("run-")).length
  }
  const waiting = new Set(slugs)
  for (const end = Date.now() + 240_000; waiting.size > 0 && Date.now() < end; await pause(1000)) {
    for (const slug of waiting) if ((await landed(slug)) >= 2) waiting.delete(slug)
  }
  for (const slug of slugs)
    attack.held(`a second run follows on ${slug}`, !waiting.has(slug), `${await landed(slug)} runs landed`)
}

/** Locks and half-written files of a server that was killed while it wrote. */
const restarted = async (attack: Attack, project: ProjectRef) => {
  const directory = join(attack.server.dataDir, "git", `${project.name}.git`)
  const clone = await attack.clone(project)
  const left = [
    "refs/heads/main.lock",
    "HEAD.lock",
    "packed-refs.lock",
    "config.lock",
    "gc.pid.lock",
    "refs/heads/feature/late.lock",
    "refs/tags/v1.lock",
    "objects/info/commit-graph.lock",
    "shallow.lock"
  ]
  const old = Date.now() / 1000 - 60
  for (const path of left) {
    mkdirSync(dirname(join(directory, path)), { recursive: true })
    writeFileSync(join(directory, path), "")
    utimesSync(join(directory, path), old, old)
  }
  writeFileSync(join(directory, "gc.pid"), "999999 elsewhere\n")
  writeFileSync(join(directory, "config"), "")
  writeFileSync(join(directory, "HEAD"), "")
  mkdirSync(join(directory, "objects/tmp_objdir-incoming-x/pack"), { recursive: true })
  writeFileSync(join(directory, "objects/tmp_objdir-incoming-x/pack/tmp_pack_x"), "half")
  await attack.restart("SIGKILL")
  await attack.git(clone, "commit", "-q", "--allow-empty", "-m", "after the crash")
  const url = new URL((await attack.git(clone, "remote", "get-url", "origin")).output.trim())
  url.port = String(attack.server.port)
  await attack.git(clone, "remote", "set-url", "origin", url.href)
  for (const ref of ["main", "feature/late", "other"]) {
    const pushed = await attack.git(clone, "push", "-q", "origin", `HEAD:refs/heads/${ref}`)
    attack.held(`${ref} can be pushed after a crash`, pushed.code === 0, pushed.output)
  }
  const tagged = await attack.git(clone, "push", "-q", "origin", "HEAD:refs/tags/v1")
  attack.held("a tag can be pushed after a crash", tagged.code === 0, tagged.output)
  for (const path of left) attack.held(`${path} is gone`, !existsSync(join(directory, path)))
  attack.held(
    "the repository's settings are whole",
    readFileSync(join(directory, "config"), "utf8").includes("bare = true") &&
      readFileSync(join(directory, "HEAD"), "utf8") === "ref: refs/heads/main\n"
  )
  await attack.must("POST", `/projects/${project.name}/sdlc/features`, { body: { title: "later", slug: "later" } })
  const later = await attack.until(
    `/projects/${project.name}/sdlc/features/later`,
    (feature) => feature["decision"] !== null,
    30
  )
  attack.held("a feature begins after a crash", later["decision"] !== null, JSON.stringify(later))
}

export const kind: Kind = {
  name: "stale-state",
  promise: "What a killed process leaves is not what the next one starts from",
  environment: { RDEV_AGENTS: JSON.stringify([{ kind: "command", name: "scripted", argv: ["sh", "-ceu", script] }]) },
  run: async (attack) => {
    const project = await attack.project()
    await restarted(attack, project)
    await runs(attack, project)
  }
}
