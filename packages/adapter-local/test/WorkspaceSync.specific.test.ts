/** Checkouts and hand-overs in a real sandbox, after everything that an agent, or a process killed in it, may leave in a repository. */
import { assert, layer } from "@effect/vitest"
import { Examined } from "@rdev/core/domain/Examined"
import * as NewId from "@rdev/core/ids/NewId"
import { ProjectName } from "@rdev/core/domain/Project"
import { BranchName, type RepositoryTarget } from "@rdev/core/ports/infra/Forge"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { type Workspace, WorkspaceHost } from "@rdev/core/ports/infra/WorkspaceHost"
import * as Processes from "@rdev/core/services/Processes"
import * as WorkspaceSync from "@rdev/core/services/features/act/WorkspaceSync"
import { Context, Effect, Layer, Option } from "effect"
import { execFileSync } from "node:child_process"
import { join } from "node:path"
import * as LocalForge from "../src/forge/LocalForge.ts"
import * as LocalWorkspaceHost from "../src/workspaces/LocalWorkspaceHost.ts"
import { make as temporaryFolder } from "./TemporaryFolder.ts"

class Place extends Context.Service<Place, { readonly dataDir: string }>()("test/WorkspaceSyncPlace") {}

const platform = Layer.unwrap(
  Effect.map(temporaryFolder, (dataDir) =>
    Layer.mergeAll(
      Layer.succeed(Place, { dataDir }),
      LocalWorkspaceHost.layer({ dataDir, unsafeHost: true }),
      LocalForge.layer({ dataDir, baseUrl: "http://127.0.0.1:1/git" })
    )
  )
)

const main = BranchName.make("main")
const branch = BranchName.make("feature/x")
const author = { name: "Agent", email: "agent@agents.rdev" }
const files = [
  { path: "README.md", content: "one\ntwo\nthree\n" },
  { path: ".gitignore", content: "node_modules/\n*.log\n" },
  { path: "kept.log", content: "tracked although it is ignored\n" },
  { path: "src/deep/a.js", content: "export const a = 1\n" },
  { path: "src/run.sh", content: "#!/bin/sh\n", executable: true }
]

const begin = Effect.gen(function* () {
  const repositories = yield* RepositoryHost
  const objects = yield* GitObjects
  const host = yield* WorkspaceHost
  const { dataDir } = yield* Place
  const name = ProjectName.make(`sync-${Math.random().toString(36).slice(2, 10)}`)
  const target: RepositoryTarget = { projectId: yield* NewId.make("proj"), name }
  yield* repositories.ensure(target, { defaultBranch: main, files, message: "Start" })
  const first = Option.getOrThrow(yield* objects.head(target, main))
  const commit = (to: BranchName, expectedHead: string, path: string, content: string) =>
    objects.commit(target, {
      branch: to,
      expectedHead,
      changes: [{ path, content }],
      message: `Change ${path}`,
      author: { name: "Ada", email: "ada@example.org" }
    })
  yield* objects.ensureBranch(target, branch, first)
  const head = yield* commit(branch, first, "feature.txt", "feature\n")
  const mainHead = yield* commit(main, first, "main.txt", "main\n")
  const upstream = { branch: main, sha: mainHead }
  const workspace = yield* host.ensure({ projectId: target.projectId, name: "x", network: "none" })
  const checkout = WorkspaceSync.checkout(target, workspace, branch, head, { upstream, author })
  const work = { branch, base: head, upstream, message: "work", author }
  const take = WorkspaceSync.take(target, workspace, work)
  const run = (script: string) => sh(workspace, script)
  const git = (...args: ReadonlyArray<string>) =>
    execFileSync("git", ["--git-dir", join(dataDir, "git", `${name}.git`), ...args], { encoding: "utf8" }).trim()
  return { repositories, objects, host, target, workspace, first, head, mainHead, checkout, take, run, git, commit }
})

const sh = (workspace: Workspace, script: string) =>
  Effect.gen(function* () {
    const host = yield* WorkspaceHost
    const done = yield* Processes.run(host, workspace, {
      argv: ["sh", "-c", script],
      env: { GIT_CONFIG_NOSYSTEM: "1" },
      timeoutMillis: 60_000
    })
    return `${done.stdout}${done.stderr}`.trim()
  })

/** What an agent leaves in a repository: commits, packs, tags, a stash, another work tree, an interrupted rebase. */
const lived = `
{ echo more >> README.md; git commit -qam "by the agent"; git tag v1; git branch other
echo x > stashed.txt; git add -A; git stash -q; git repack -qd; git pack-refs --all
echo y >> README.md; git commit -qam again; echo "exit 1" > todo; GIT_EDITOR=true git rebase -q --exec false HEAD~1 >/dev/null 2>&1
git worktree add -q /tmp/wt other 2>/dev/null
git config alias.st status; git notes add -m note 2>/dev/null; git replace HEAD HEAD~1 2>/dev/null; : > .git/info/grafts; rm -f todo
git status >/dev/null; mkdir -p node_modules/dep; echo warm > node_modules/dep/index.js; } >/dev/null 2>&1
`

const damages: ReadonlyArray<readonly [string, string]> = [
  ["missing", 'rm -rf "$p"'],
  ["emptied", 'chmod u+w "$p" 2>/dev/null; if [ -d "$p" ]; then rm -rf "$p"; mkdir "$p"; else : > "$p"; fi'],
  ["truncated", 'chmod u+w "$p" 2>/dev/null; [ -d "$p" ] || { head -c 7 "$p" > /tmp/short; cat /tmp/short > "$p"; }'],
  ["a folder", 'rm -rf "$p"; mkdir -p "$p/inner"; : > "$p/inner/file"'],
  ["a file", 'rm -rf "$p"; echo garbage > "$p"'],
  ["a link", 'rm -rf "$p"; ln -s /etc "$p"'],
  ["a link to itself", 'rm -rf "$p"; ln -s "$(basename "$p")" "$p"'],
  ["a pipe", 'rm -rf "$p"; mkfifo "$p"'],
  ["unreadable", 'chmod 000 "$p"'],
  ["locked", ': > "$p.lock"; chmod 400 "$p.lock"']
]

/** What must hold after every checkout. */
const state =
  "git rev-parse HEAD refs/remotes/origin/main && git symbolic-ref HEAD && git status --porcelain --ignored && git fsck 2>&1 && cat feature.txt node_modules/dep/index.js && find .git -name '*.lock' && git for-each-ref --format='%(refname)' && git config --get-regexp '^alias' ; ls .git/hooks .git/rebase-merge 2>/dev/null; ls -a | grep rdev-"

layer(Layer.orDie(platform), { excludeTestServices: true })("WorkspaceSync", (it) => {
  it.effect(
    "a checkout works whatever any file of the repository has become",
    () =>
      Effect.gen(function* () {
        const { checkout, head, mainHead, run } = yield* begin
        yield* checkout
        yield* run(lived)
        const expected = [
          head,
          mainHead,
          "refs/heads/feature/x",
          "!! node_modules/",
          "feature",
          "warm",
          "refs/heads/feature/x",
          "refs/remotes/origin/feature/x",
          "refs/remotes/origin/main"
        ].join("\n")
        const paths = (yield* run(
          'find .git -not -path \'.git/hooks/*\' | sort | awk -F/ \'!($2 == "objects" && NF == 4 && $3 != "pack" && $3 != "info") || n++ < 4\''
        )).split("\n")
        for (const needed of [
          ".git",
          ".git/HEAD",
          ".git/index",
          ".git/config",
          ".git/packed-refs",
          ".git/objects",
          ".git/refs/heads",
          ".git/logs/HEAD",
          ".git/info/grafts",
          ".git/worktrees/wt/HEAD"
        ]) {
          assert.include(paths, needed, "the table has what git makes")
        }
        assert.isTrue(
          paths.some((path) => path.endsWith(".pack")) && paths.some((path) => path.startsWith(".git/rebase-"))
        )
        // Each path meets one of the damages, each damage many paths, and the repository itself all of them.
        const rounds = Array.from({ length: 4 }, (_, round) =>
          paths
            .filter((_, i) => i % 4 === round)
            .map((path, i) => [path, damages[(i + round) % damages.length] ?? damages[0]!] as const)
            .toReversed()
        )
        let before: string | null = null
        for (const round of [
          ...rounds,
          ...damages
            .filter(([what]) => what !== "truncated" && what !== "a folder")
            .map((damage) => [[".git", damage] as const])
        ]) {
          // What came of the round before is looked at in the same command, because starting one is what takes time here.
          const seen: string = yield* run(
            `${before === null ? "" : state}\n${round.length > 1 ? lived : ""}\n{ ${round.map(([path, [, damage]]) => `p='${path}'; ${damage}`).join("\n")}\n} 2>/dev/null`
          )
          if (before !== null) assert.strictEqual(seen, expected, before)
          before = round.map(([path, [what]]) => `${path} ${what}`).join(", ")
          yield* checkout
        }
        assert.strictEqual(yield* run(state), expected, before ?? "")
      }),
    300_000
  )

  it.effect(
    "a checkout brings every work file back, keeps the dates of those that are right and what git ignores",
    () =>
      Effect.gen(function* () {
        const { checkout, run } = yield* begin
        yield* checkout
        const before = yield* run("stat -c '%n %Y %Z' README.md kept.log")
        yield* run(`
        mkdir -p node_modules/dep; echo warm > node_modules/dep/x; echo x > a.log
        rm -rf src; ln -s /etc src; rm feature.txt; mkdir -p feature.txt/d; chmod 000 feature.txt/d feature.txt
        mkdir nested; (cd nested; git init -q; echo n > n); mkdir -p shut/in; : > shut/in/f; chmod 000 shut/in; chmod 500 shut
        echo untracked > "new
line"; mkfifo pipe; printf '* filter=evil\\n' > .git/info/attributes
        printf '[filter "evil"]\\n  clean = touch /tmp/ran; echo evil\\n  smudge = echo evil\\n  required = true\\n[core]\\n  hooksPath = %s/hooks\\n  excludesFile = %s/ex\\n' "$HOME" "$HOME" > "$HOME/.gitconfig"
        mkdir -p "$HOME/.config/git" "$HOME/hooks"; echo '* filter=evil' > "$HOME/.config/git/attributes"; echo '*' > "$HOME/.config/git/ignore"
        printf '#!/bin/sh\\ntouch hooked; exit 1\\n' > "$HOME/hooks/post-checkout"; chmod +x "$HOME/hooks/post-checkout"; cp "$HOME/hooks/post-checkout" .git/hooks/ 2>/dev/null`)
        yield* checkout
        assert.strictEqual(
          yield* run(
            'git status --porcelain; cat src/deep/a.js feature.txt node_modules/dep/x a.log; ls; ls -A "$HOME" "$HOME/.config"; cat README.md; [ -x src/run.sh ] && echo executable'
          ),
          [
            "export const a = 1",
            "feature",
            "warm",
            "x",
            "README.md",
            "a.log",
            "feature.txt",
            "kept.log",
            "node_modules",
            "src",
            "/home/agent:",
            ".config",
            "hooks",
            "",
            "/home/agent/.config:",
            "one",
            "two",
            "three",
            "executable"
          ].join("\n")
        )
        assert.strictEqual(
          yield* run("stat -c '%n %Y %Z' README.md kept.log"),
          before,
          "what was right was not written again"
        )
      }),
    120_000
  )

  it.effect(
    "a hand-over takes the files, whatever the agent's repository has become",
    () =>
      Effect.gen(function* () {
        const { checkout, objects, git, head, run, take, target } = yield* begin
        const left: ReadonlyArray<readonly [string, string]> = [
          ["locks everywhere", "for f in $(find .git -type f) .git/HEAD; do : > $f.lock; done"],
          ["no repository", "rm -rf .git"],
          ["a repository elsewhere", 'mv .git "$HOME/moved"; echo "gitdir: $HOME/moved" > .git'],
          ["a link to a repository", 'rm -rf "$HOME/linked"; mv .git "$HOME/linked"; ln -s "$HOME/linked" .git'],
          ["no objects", "rm -rf .git/objects"],
          ["emptied objects", 'find .git/objects -type f -exec sh -c \'chmod u+w "$1"; : > "$1"\' _ {} \\;'],
          ["an unreadable folder", "chmod 000 .git/objects .git/refs; chmod 500 .git"],
          [
            "damaged settings and a damaged index",
            "echo garbage > .git/index; echo '[' > .git/config; cp .git/config \"$HOME/.gitconfig\""
          ],
          [
            "settings that forbid commits, hooks and filters",
            "git config commit.gpgsign true; git config gpg.program /bin/false; git config core.hooksPath /nonexistent; git config core.bare true; git config core.worktree /tmp; mkdir -p .git/hooks; for h in pre-commit post-commit post-index-change reference-transaction post-merge; do printf '#!/bin/sh\\necho hooked > hooked.txt; exit 1\\n' > .git/hooks/$h; chmod +x .git/hooks/$h; done; git config filter.x.clean 'echo filtered'; git config filter.x.required true; echo '* filter=x' > .git/info/attributes; git config core.fsmonitor 'echo hooked > hooked.txt'"
          ],
          ["a HEAD that is a pipe", "rm .git/HEAD; mkfifo .git/HEAD"],
          [
            "a HEAD that is nothing",
            'echo "$(printf 0%.0s 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40)" > .git/HEAD'
          ],
          [
            "a branch of another history",
            "git checkout -q --orphan alone; git commit -qm alone; echo 'ref: refs/heads/../heads/alone' > .git/HEAD"
          ],
          [
            "replaced, grafted and shallow history",
            "git replace HEAD HEAD~1; echo $(git rev-parse HEAD) > .git/info/grafts; git rev-parse HEAD > .git/shallow; echo /nonexistent > .git/objects/info/alternates"
          ],
          [
            "an interrupted rebase",
            "echo z >> README.md; git commit -qam z; git rebase -q --exec false HEAD~1 >/dev/null 2>&1; git checkout -q HEAD~1 -- README.md; git reset -q"
          ],
          [
            "what it committed itself",
            "git add -A; git -c user.name=Ada -c user.email=ada@example.org commit -qm 'by Ada'; git update-index --assume-unchanged README.md; git config user.name Eve"
          ]
        ]
        for (const [what, script] of left) {
          yield* checkout
          yield* run(
            `rm -f "$HOME/.gitconfig"; echo new > new.txt; echo changed > src/deep/a.js; rm src/run.sh; echo log >> kept.log\n${script}`
          )
          const handover = Option.getOrThrow(yield* take)
          const { sha } = yield* objects.prepareHandover(target, head, handover)
          assert.strictEqual(
            git("log", "-1", "--format=%an <%ae> %cn <%ce> %s %P", "--name-status", sha),
            `Agent <agent@agents.rdev> Agent <agent@agents.rdev> work ${head}\n\nM\tkept.log\nA\tnew.txt\nM\tsrc/deep/a.js\nD\tsrc/run.sh`,
            what
          )
        }
        yield* checkout
        yield* run(
          "git config core.hooksPath /x; touch .git/index.lock a.log; mkdir -p node_modules; git commit -q --allow-empty -m nothing"
        )
        assert.isTrue(Option.isNone(yield* take), "nothing changed")
        assert.strictEqual(yield* run("ls .git/rdev-out/objects/pack"), "")
      }),
    300_000
  )

  it.effect(
    "a hand-over tells a merge of the default branch, committed or not, and of nothing else",
    () =>
      Effect.gen(function* () {
        const { checkout, objects, git, head, mainHead, run, take, target } = yield* begin
        for (const [merge, merged] of [
          ["git merge -q --no-edit origin/main", mainHead],
          ["git merge -q --no-commit origin/main >/dev/null", mainHead],
          ["git merge -q --no-edit origin/main; git rebase -q origin/main", mainHead],
          [
            "git checkout -q -b side origin/main; echo s > s; git add s; git commit -qm s; git checkout -q feature/x; git merge -q --no-edit side",
            mainHead
          ],
          [
            "git checkout -q --orphan other; git commit -qm other; git checkout -q feature/x; git merge -q --no-edit --allow-unrelated-histories other",
            null
          ]
        ] as const) {
          yield* checkout
          yield* run(`${merge}\necho resolved > resolved.txt`)
          const prepared = yield* objects.prepareHandover(target, head, Option.getOrThrow(yield* take))
          assert.strictEqual(prepared.merged, merged, merge)
          assert.strictEqual(
            git("log", "-1", "--format=%P", prepared.sha),
            merged === null ? head : `${head} ${merged}`,
            merge
          )
        }
      }),
    120_000
  )

  it.effect(
    "what cannot be committed is said to be the workspace's fault",
    () =>
      Effect.gen(function* () {
        const { checkout, run, take } = yield* begin
        for (const [what, script, said] of [
          ["an empty repository inside", "mkdir nested; (cd nested; git init -q)", /nested/],
          ["a file that cannot be read", "echo x > shut.txt; chmod 000 shut.txt", /shut\.txt/]
        ] as const) {
          yield* checkout
          yield* run(script)
          const error = yield* Effect.flip(take)
          assert.deepStrictEqual([error._tag, error.reason._tag], ["WorkspaceError", "Invalid"], what)
          assert.match(error.message, said, what)
        }
        yield* checkout
      }),
    120_000
  )

  it.effect(
    "what lands was examined, against the head it lands on, in every race",
    () =>
      Effect.gen(function* () {
        const { checkout, commit, objects, git, head, run, take, target } = yield* begin
        yield* checkout
        // The merge of what others pushed is not made where this could act.
        yield* run(
          "echo mine > mine.txt; mkdir -p .git/hooks; printf '#!/bin/sh\\necho smuggled > smuggled.txt; git add -A; git commit -qm smuggled\\n' > .git/hooks/post-merge; chmod +x .git/hooks/post-merge; cp .git/hooks/post-merge .git/hooks/post-commit"
        )
        const handover = Option.getOrThrow(yield* take)
        let at = yield* commit(branch, head, "theirs.txt", "theirs\n")
        const asked: Array<{ readonly head: string; readonly to: string }> = []
        const landed = yield* WorkspaceSync.land(target, branch, handover, (move) =>
          Effect.gen(function* () {
            asked.push(move)
            if (asked.length < 3) at = yield* commit(branch, at, `race-${asked.length}.txt`, "r\n")
            return []
          })
        )
        assert.lengthOf(asked, 3)
        assert.deepStrictEqual(asked.at(-1), { head: at, to: landed })
        assert.strictEqual(git("rev-parse", "refs/heads/feature/x"), landed)
        assert.strictEqual(git("diff", "--name-only", head, landed), "mine.txt\nrace-1.txt\nrace-2.txt\ntheirs.txt")
        const refusal = yield* Effect.flip(WorkspaceSync.land(target, branch, handover, () => Effect.succeed(["no"])))
        assert.strictEqual(refusal._tag, "Refused")
        assert.strictEqual(git("rev-parse", "refs/heads/feature/x"), landed, "nothing moved")
        // @ts-expect-error what was not examined is no argument of advanceBranch
        const unexamined: Parameters<typeof objects.advanceBranch>[2] = { head: landed, to: head }
        assert.isFalse(Examined.is(unexamined))
        assert.strictEqual(
          (yield* Effect.flip(objects.advanceBranch(target, branch, unexamined))).reason._tag,
          "Invalid"
        )
      }),
    120_000
  )
})
