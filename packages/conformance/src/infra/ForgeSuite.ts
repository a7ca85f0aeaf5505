/** What every forge must do. Run it with a fresh, empty forge; repositories that it makes are left behind for the layer to drop. */
import { assert, layer as withLayer } from "@effect/vitest"
import { Effect, Exit, Layer, Option, Redacted, Schema } from "effect"
import { Examined } from "@rdev/core/domain/Examined"
import * as NewId from "@rdev/core/ids/NewId"
import { ProjectName } from "@rdev/core/domain/Project"
import {
  BranchName,
  Forge,
  type ForgeError,
  type Handover,
  messageLength,
  type RepositoryTarget,
  type Sha
} from "@rdev/core/ports/infra/Forge"

export interface Capabilities {
  /** Changes to different lines of one file merge. Without it any file changed on both sides conflicts. */
  readonly mergesLines: boolean
  /** Whether a bundle exported by one repository can be taken in by another one of the same forge. */
  readonly portableBundles: boolean
}

const main = BranchName.make("main")
const topic = BranchName.make("feature/topic")
const author = { name: "Ada", email: "ada@example.org" }
const text = (content: Uint8Array | undefined) =>
  content === undefined ? undefined : Buffer.from(content).toString("utf8")

const reasonOf = <A>(effect: Effect.Effect<A, ForgeError, Forge>) =>
  Effect.map(Effect.flip(effect), (error) => error.reason)

/** The examination is not the forge's business: here everything may land. */
const examined = (head: Sha, to: Sha) => Examined.examine({ head, to }, () => Effect.succeed([]))
const handover = (work: Sha, base: Sha): Handover => ({
  work,
  base,
  upstream: null,
  message: "Work",
  author: { name: "Agent", email: "agent@example.org" }
})

let counter = 0
/** A repository of its own for each test, so that tests do not depend on their order. */
const fresh = Effect.gen(function* () {
  const forge = yield* Forge
  counter += 1
  const target: RepositoryTarget = {
    projectId: yield* NewId.make("proj"),
    name: ProjectName.make(`suite-${process.pid % 1000}-${counter}`)
  }
  yield* forge.ensureRepository(target, {
    defaultBranch: main,
    message: "Start",
    files: [
      { path: "README.md", content: "one\ntwo\nthree\nfour\nfive\nsix\nseven\n" },
      { path: "src/index.js", content: "export const a = 1\n" },
      { path: "run.sh", content: "#!/bin/sh\necho hi\n", executable: true }
    ]
  })
  const head = Option.getOrThrow(yield* forge.head(target, main))
  const write = (branch: BranchName, expectedHead: Sha | null, path: string, content: string | null) =>
    forge.commit(target, { branch, expectedHead, changes: [{ path, content }], message: `Change ${path}`, author })
  const branchOff = (branch: BranchName, path: string, content: string) =>
    Effect.flatMap(forge.ensureBranch(target, branch, head), (at) => write(branch, at, path, content))
  return { forge, target, head, write, branchOff }
})

export const suite = (name: string, layer: Layer.Layer<Forge, unknown>, capabilities: Capabilities): void => {
  withLayer(Layer.orDie(layer), { excludeTestServices: true })(`Forge: ${name}`, (it) => {
    it.effect("creates a repository once, marked as the project's", () =>
      Effect.gen(function* () {
        const { forge, target, head } = yield* fresh
        const again = yield* forge.ensureRepository(target, {
          defaultBranch: main,
          files: [{ path: "other", content: "x" }],
          message: "Other"
        })
        assert.strictEqual(again.created, false)
        assert.strictEqual(again.defaultBranch, "main")
        assert.deepStrictEqual(yield* forge.head(target, main), Option.some(head))
        const observed = Option.getOrThrow(yield* forge.observeRepository(target))
        assert.strictEqual(observed.cloneUrl, again.cloneUrl)
        assert.isFalse(observed.cloneUrl.includes("@"), "a clone URL carries no credentials")
        assert.isTrue(
          (yield* forge.listRepositories).some(
            (r) => r.projectId === target.projectId && r.externalId === again.externalId
          )
        )
      })
    )

    it.effect("refuses another project's repository", () =>
      Effect.gen(function* () {
        const { forge, target, head } = yield* fresh
        const other = { ...target, projectId: yield* NewId.make("proj") }
        const seed = { defaultBranch: main, files: [], message: "Start" }
        assert.strictEqual((yield* reasonOf(forge.ensureRepository(other, seed)))._tag, "Foreign")
        assert.strictEqual((yield* reasonOf(forge.deleteRepository(other)))._tag, "Foreign")
        assert.strictEqual((yield* reasonOf(forge.readFiles(other, head, "")))._tag, "Foreign")
        assert.deepStrictEqual(yield* forge.head(target, main), Option.some(head))
      })
    )

    it.effect("deletes a repository, also when there is none", () =>
      Effect.gen(function* () {
        const { forge, target } = yield* fresh
        yield* forge.deleteRepository(target)
        yield* forge.deleteRepository(target)
        assert.isTrue(Option.isNone(yield* forge.observeRepository(target)))
        assert.strictEqual((yield* reasonOf(forge.head(target, main)))._tag, "NotFound")
      })
    )

    it.effect("lists and reads the files of a commit", () =>
      Effect.gen(function* () {
        const { forge, target, head } = yield* fresh
        const tree = yield* forge.listTree(target, head)
        assert.deepStrictEqual(
          tree.map((e) => [e.path, e.mode]),
          [
            ["README.md", "100644"],
            ["run.sh", "100755"],
            ["src/index.js", "100644"]
          ]
        )
        const all = yield* forge.readFiles(target, head, "")
        assert.strictEqual(text(all.get("run.sh")), "#!/bin/sh\necho hi\n")
        assert.deepStrictEqual([...(yield* forge.readFiles(target, head, "src")).keys()], ["src/index.js"])
        assert.strictEqual((yield* forge.readFiles(target, head, "absent")).size, 0)
        const some = yield* forge.readFiles(target, head, ["run.sh", "src", "src/index.js", "absent"])
        assert.deepStrictEqual([...some.keys()].sort(), ["run.sh", "src/index.js"], "paths name files, not folders")
        assert.strictEqual((yield* forge.readFiles(target, head, [])).size, 0)
        assert.strictEqual((yield* reasonOf(forge.listTree(target, "0".repeat(40))))._tag, "NotFound")
      })
    )

    it.effect("commits changes and deletions on the expected head alone", () =>
      Effect.gen(function* () {
        const { forge, target, head } = yield* fresh
        const binary = new Uint8Array([0, 255, 10, 13, 0])
        const sha = yield* forge.commit(target, {
          branch: main,
          expectedHead: head,
          author,
          message: "Several\n\nchanges",
          changes: [
            { path: "src/index.js", content: null },
            { path: 'deep/ünï code/file "q".bin', content: binary },
            { path: "run.sh", content: "#!/bin/sh\n" },
            { path: "absent", content: null }
          ]
        })
        assert.match(sha, /^[0-9a-f]{40,64}$/)
        assert.deepStrictEqual(yield* forge.head(target, main), Option.some(sha))
        const files = yield* forge.readFiles(target, sha, "")
        assert.deepStrictEqual([...files.keys()].sort(), ["README.md", 'deep/ünï code/file "q".bin', "run.sh"])
        assert.deepStrictEqual([...(files.get('deep/ünï code/file "q".bin') ?? [])], [...binary])
        assert.strictEqual(
          (yield* forge.listTree(target, sha)).find((e) => e.path === "run.sh")?.mode,
          "100755",
          "a change keeps the mode"
        )
        const moved = yield* reasonOf(
          forge.commit(target, { branch: main, expectedHead: head, changes: [], message: "Late", author })
        )
        assert.strictEqual(moved._tag, "Conflict")
        const taken = yield* reasonOf(
          forge.commit(target, { branch: main, expectedHead: null, changes: [], message: "New", author })
        )
        assert.strictEqual(taken._tag, "Conflict")
        assert.deepStrictEqual(yield* forge.head(target, main), Option.some(sha))
      })
    )

    it.effect("lets one of several commits on the same head win", () =>
      Effect.gen(function* () {
        const { forge, target, head, write } = yield* fresh
        const results = yield* Effect.all(
          Array.from({ length: 8 }, (_, i) => Effect.exit(write(main, head, `race/${i}.txt`, String(i)))),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(results.filter(Exit.isSuccess).length, 1)
        const now = Option.getOrThrow(yield* forge.head(target, main))
        assert.strictEqual((yield* forge.readFiles(target, now, "race")).size, 1)
      })
    )

    it.effect("puts files where folders were, folders where files were, and deletes folders", () =>
      Effect.gen(function* () {
        const { forge, target, head } = yield* fresh
        const paths = (sha: Sha) => Effect.map(forge.listTree(target, sha), (tree) => tree.map((entry) => entry.path))
        const change = (expectedHead: Sha, changes: ReadonlyArray<readonly [string, string | null]>) =>
          forge.commit(target, {
            branch: main,
            expectedHead,
            author,
            message: "m",
            changes: changes.map(([path, content]) => ({ path, content }))
          })
        const one = yield* change(head, [
          ["src", "now a file"],
          ["README.md/deep/x", "now a folder"],
          ["a-b", "1"],
          ["a/b", "2"],
          ["a.b", "3"]
        ])
        assert.deepStrictEqual(yield* paths(one), ["README.md/deep/x", "a-b", "a.b", "a/b", "run.sh", "src"])
        const two = yield* change(one, [
          ["README.md", null],
          ["a", null],
          ["src", null],
          ["src/again", "x"]
        ])
        assert.deepStrictEqual(yield* paths(two), ["a-b", "a.b", "run.sh", "src/again"])
        assert.strictEqual(text((yield* forge.readFiles(target, two, "src")).get("src/again")), "x")
      })
    )

    it.effect("starts a branch with a first commit when none is expected", () =>
      Effect.gen(function* () {
        const { forge, target, write } = yield* fresh
        const orphan = BranchName.make("orphan")
        const sha = yield* write(orphan, null, "a", "b")
        assert.deepStrictEqual([...(yield* forge.readFiles(target, sha, "")).keys()], ["a"])
      })
    )

    it.effect("refuses paths that leave the tree or enter .git", () =>
      Effect.gen(function* () {
        const { forge, target, head, write } = yield* fresh
        for (const path of [
          "../out",
          "/abs",
          "a/../b",
          "a//b",
          ".git/config",
          "sub/.GIT/hooks/x",
          "a\nb",
          "",
          "a\\b",
          "./a",
          "a/."
        ]) {
          const reason = yield* reasonOf(write(main, head, path, "x"))
          assert.strictEqual(reason._tag, "Invalid", JSON.stringify(path))
        }
        assert.deepStrictEqual(yield* forge.head(target, main), Option.some(head))
      })
    )

    it.effect("does not accept branch names that git would take for options", () =>
      Effect.sync(() => {
        const decode = Schema.decodeUnknownOption(BranchName)
        for (const bad of [
          "-x",
          "--upload-pack=x",
          "a..b",
          "a.lock",
          "a//b",
          "a/",
          "@{1}",
          "a b",
          "a\nb",
          ".a",
          "a/.b",
          "",
          "HEAD",
          "@",
          "refs/heads/x",
          "refs/x",
          "a".repeat(40),
          "0".repeat(64)
        ]) {
          assert.isTrue(Option.isNone(decode(bad)), bad)
        }
      })
    )

    it.effect("branches: ensure, list, delete", () =>
      Effect.gen(function* () {
        const { forge, target, head, write, branchOff } = yield* fresh
        const sha = yield* branchOff(topic, "t.txt", "t")
        assert.strictEqual(yield* forge.ensureBranch(target, topic, head), sha, "a branch that is there stays as it is")
        assert.deepStrictEqual(yield* forge.branches(target), [
          { name: topic, sha },
          { name: "main", sha: head }
        ])
        assert.strictEqual(
          (yield* reasonOf(forge.ensureBranch(target, BranchName.make("x"), "1".repeat(40))))._tag,
          "NotFound"
        )
        yield* forge.deleteBranch(target, topic)
        yield* forge.deleteBranch(target, topic)
        assert.isTrue(Option.isNone(yield* forge.head(target, topic)))
        assert.strictEqual((yield* reasonOf(forge.deleteBranch(target, main)))._tag, "Invalid")
        assert.strictEqual(
          (yield* reasonOf(write(topic, sha, "x", "y")))._tag,
          "Conflict",
          "a deleted branch is a moved head"
        )
      })
    )

    it.effect("compares and updates branches", () =>
      Effect.gen(function* () {
        const { forge, target, head, write, branchOff } = yield* fresh
        const ours = yield* branchOff(topic, "topic.txt", "t")
        assert.deepStrictEqual(yield* forge.compare(target, main, topic), {
          ahead: 1,
          behind: 0,
          conflicts: [],
          mergeBase: head
        })
        assert.strictEqual(yield* forge.updateBranch(target, topic, main), ours, "nothing was behind")
        const theirs = yield* write(main, head, "main.txt", "m")
        assert.deepStrictEqual(yield* forge.compare(target, main, topic), {
          ahead: 1,
          behind: 1,
          conflicts: [],
          mergeBase: head
        })
        assert.deepStrictEqual(
          yield* forge.compare(target, theirs, ours),
          { ahead: 1, behind: 1, conflicts: [], mergeBase: head },
          "commits are compared as branches are"
        )
        const both = yield* forge.updateBranch(target, topic, main)
        assert.deepStrictEqual(yield* forge.compare(target, main, topic), {
          ahead: 2,
          behind: 0,
          conflicts: [],
          mergeBase: theirs
        })
        assert.deepStrictEqual(
          yield* forge.line(target, both, { since: null, limit: 10 }),
          [
            { sha: both, parents: [ours, theirs], message: "Merge branch 'main' into feature/topic" },
            { sha: ours, parents: [head], message: "Change topic.txt" },
            { sha: head, parents: [], message: "Start" }
          ],
          "the line of the first parents"
        )
        assert.deepStrictEqual(
          (yield* forge.line(target, both, { since: theirs, limit: 1 })).map((one) => one.sha),
          [both]
        )
        assert.deepStrictEqual(yield* forge.line(target, theirs, { since: theirs, limit: 10 }), [])
        assert.strictEqual((yield* reasonOf(forge.line(target, both, { since: null, limit: 0 })))._tag, "Invalid")
        assert.strictEqual((yield* reasonOf(forge.compare(target, main, "0".repeat(40))))._tag, "NotFound")
        assert.isTrue((yield* forge.readFiles(target, both, "")).has("main.txt"))
        assert.deepStrictEqual(yield* forge.head(target, main), Option.some(theirs))
      })
    )

    it.effect("names the conflicting paths and changes nothing", () =>
      Effect.gen(function* () {
        const { forge, target, head, write, branchOff } = yield* fresh
        const ours = yield* branchOff(topic, "src/index.js", "export const a = 2\n")
        const theirs = yield* write(main, head, "src/index.js", "export const a = 3\n")
        assert.deepStrictEqual((yield* forge.compare(target, main, topic)).conflicts, ["src/index.js"])
        const reason = yield* reasonOf(forge.updateBranch(target, topic, main))
        assert.strictEqual(reason._tag, "Conflict")
        assert.include("message" in reason ? reason.message : "", "src/index.js")
        const pull = yield* forge.ensurePullRequest(target, { head: topic, base: main, title: "T", body: "" })
        assert.strictEqual((yield* reasonOf(forge.mergePullRequest(target, pull.number, ours)))._tag, "Conflict")
        assert.strictEqual((yield* forge.pullRequest(target, pull.number)).state, "open")
        assert.deepStrictEqual(yield* forge.head(target, topic), Option.some(ours))
        assert.deepStrictEqual(yield* forge.head(target, main), Option.some(theirs))
      })
    )

    it.effect("merges changes to different lines of a file, where it can", () =>
      Effect.gen(function* () {
        const { forge, target, head, write, branchOff } = yield* fresh
        yield* branchOff(topic, "README.md", "ONE\ntwo\nthree\nfour\nfive\nsix\nseven\n")
        yield* write(main, head, "README.md", "one\ntwo\nthree\nfour\nfive\nsix\nSEVEN\n")
        const { conflicts } = yield* forge.compare(target, main, topic)
        assert.deepStrictEqual(conflicts, capabilities.mergesLines ? [] : ["README.md"])
      })
    )

    it.effect("says what a merge would change, and nothing where the base has it already", () =>
      Effect.gen(function* () {
        const { forge, target, head, write, branchOff } = yield* fresh
        const ours = yield* branchOff(topic, "README.md", "ONE\ntwo\nthree\nfour\nfive\nsix\nseven\n")
        yield* write(topic, ours, "run.sh", null)
        assert.deepStrictEqual(yield* forge.brings(target, main, topic), ["README.md", "run.sh"])
        assert.deepStrictEqual(yield* forge.brings(target, topic, main), [])
        assert.deepStrictEqual(yield* forge.brings(target, head, head), [])
        const other = yield* write(main, head, "src/other.js", "other\n")
        assert.deepStrictEqual(yield* forge.brings(target, main, topic), ["README.md", "run.sh"])
        const part = yield* write(main, other, "README.md", "ONE\ntwo\nthree\nfour\nfive\nsix\nseven\n")
        assert.deepStrictEqual(yield* forge.brings(target, part, topic), ["run.sh"])
        const drifted = yield* write(main, part, "README.md", "ONE\ntwo\nthree\nfour\nfive\nsix\nSEVEN\n")
        const all = yield* write(main, drifted, "run.sh", null)
        assert.deepStrictEqual(
          yield* forge.brings(target, all, topic),
          capabilities.mergesLines ? [] : ["README.md"],
          "other lines of the same file do not matter where lines are merged"
        )
        const conflicting = yield* write(main, all, "README.md", "1\ntwo\nthree\nfour\nfive\nsix\nseven\n")
        assert.deepStrictEqual(yield* forge.brings(target, conflicting, topic), ["README.md"], "a conflict is a change")
        assert.strictEqual((yield* reasonOf(forge.brings(target, main, "0".repeat(40))))._tag, "NotFound")
        assert.deepStrictEqual(yield* forge.head(target, main), Option.some(conflicting), "nothing moves")
      })
    )

    it.effect("reads what commits say as far as it is asked for", () =>
      Effect.gen(function* () {
        const { forge, target, head } = yield* fresh
        const say = (expectedHead: Sha, message: string, content: string) =>
          forge.commit(target, {
            branch: main,
            expectedHead,
            changes: [{ path: "said.txt", content }],
            message,
            author
          })
        const text = 'Revert "Grüße: 日本"\n\nThis reverts commit 0123.\n\n  indented'
        const said = yield* say(head, `${text}\n\n`, "1")
        const long = yield* say(said, `Long\n\n${"word ".repeat(100_000)}`, "2")
        const line = yield* forge.line(target, long, { since: head, limit: 10 })
        assert.deepStrictEqual(
          line.map(({ sha }) => sha),
          [long, said]
        )
        assert.strictEqual(line[1]?.message, text)
        assert.strictEqual(line[0]?.message, `Long\n\n${"word ".repeat(100_000)}`.slice(0, messageLength).trimEnd())
      })
    )

    it.effect("opens, closes and merges a pull request", () =>
      Effect.gen(function* () {
        const { forge, target, head, write, branchOff } = yield* fresh
        const first = yield* branchOff(topic, "t.txt", "t")
        const pull = yield* forge.ensurePullRequest(target, { head: topic, base: main, title: "Add t", body: "why" })
        assert.deepStrictEqual(
          [pull.number, pull.state, pull.headSha, pull.mergeSha, pull.title],
          [1, "open", first, null, "Add t"]
        )
        assert.strictEqual(
          (yield* forge.ensurePullRequest(target, { head: topic, base: main, title: "Again", body: "" })).number,
          1
        )
        const second = yield* write(topic, first, "t.txt", "tt")
        assert.strictEqual((yield* forge.pullRequest(target, 1)).headSha, second, "it follows its branch")
        assert.strictEqual((yield* reasonOf(forge.mergePullRequest(target, 1, first)))._tag, "Conflict")
        assert.strictEqual((yield* forge.setPullRequestState(target, 1, "closed")).state, "closed")
        assert.strictEqual((yield* reasonOf(forge.mergePullRequest(target, 1, second)))._tag, "Conflict")
        assert.strictEqual((yield* forge.setPullRequestState(target, 1, "open")).state, "open")
        yield* write(main, head, "m.txt", "m")
        const mergeSha = yield* forge.mergePullRequest(target, 1, second)
        assert.strictEqual(
          yield* forge.mergePullRequest(target, 1, second),
          mergeSha,
          "merging twice answers with the same commit"
        )
        const after = yield* forge.pullRequest(target, 1)
        assert.deepStrictEqual([after.state, after.mergeSha, after.headSha], ["merged", mergeSha, second])
        assert.deepStrictEqual(yield* forge.head(target, main), Option.some(mergeSha))
        const files = yield* forge.readFiles(target, mergeSha, "")
        assert.deepStrictEqual([text(files.get("t.txt")), text(files.get("m.txt"))], ["tt", "m"])
        yield* forge.deleteBranch(target, topic)
        assert.strictEqual((yield* forge.pullRequest(target, 1)).headSha, second)
        assert.strictEqual((yield* reasonOf(forge.setPullRequestState(target, 1, "open")))._tag, "Conflict")
        assert.strictEqual((yield* reasonOf(forge.pullRequest(target, 99)))._tag, "NotFound")
      })
    )

    it.effect("moves a branch forward only, from the expected head", () =>
      Effect.gen(function* () {
        const { forge, target, head, write, branchOff } = yield* fresh
        const ahead = yield* branchOff(topic, "t.txt", "t")
        assert.strictEqual(
          (yield* reasonOf(forge.advanceBranch(target, main, yield* examined(ahead, ahead))))._tag,
          "Conflict"
        )
        yield* forge.advanceBranch(target, main, yield* examined(head, ahead))
        assert.deepStrictEqual(yield* forge.head(target, main), Option.some(ahead))
        const unrelated = yield* write(BranchName.make("orphan"), null, "a", "b")
        assert.strictEqual(
          (yield* reasonOf(forge.advanceBranch(target, main, yield* examined(ahead, unrelated))))._tag,
          "Conflict"
        )
        assert.strictEqual(
          (yield* reasonOf(forge.advanceBranch(target, main, yield* examined(ahead, head))))._tag,
          "Conflict",
          "not backwards"
        )
      })
    )

    it.effect("prepares a hand-over as a commit of its own, on no branch", () =>
      Effect.gen(function* () {
        const { forge, target, head, write, branchOff } = yield* fresh
        const work = yield* branchOff(topic, "t.txt", "t")
        const prepared = yield* forge.prepareHandover(target, head, handover(work, head))
        assert.strictEqual(prepared.merged, null)
        assert.notStrictEqual(prepared.sha, work, "only the files are taken over")
        assert.deepStrictEqual(yield* forge.listTree(target, prepared.sha), yield* forge.listTree(target, work))
        assert.deepStrictEqual(yield* forge.branches(target), [
          { name: topic, sha: work },
          { name: "main", sha: head }
        ])
        yield* forge.advanceBranch(target, main, yield* examined(head, prepared.sha))
        assert.deepStrictEqual(yield* forge.compare(target, BranchName.make("main"), topic), {
          ahead: 1,
          behind: 1,
          conflicts: [],
          mergeBase: head
        })
        const same = yield* forge.commit(target, {
          branch: BranchName.make("same"),
          expectedHead: yield* forge.ensureBranch(target, BranchName.make("same"), head),
          changes: [],
          message: "nothing",
          author
        })
        assert.deepStrictEqual(
          yield* forge.prepareHandover(target, prepared.sha, handover(same, head)),
          { sha: prepared.sha, merged: null },
          "nothing to land"
        )
        const late = yield* write(main, prepared.sha, "late.txt", "l")
        const raced = yield* forge.prepareHandover(
          target,
          late,
          handover(yield* branchOff(BranchName.make("raced"), "r.txt", "r"), head)
        )
        assert.deepStrictEqual(
          [...(yield* forge.readFiles(target, raced.sha, "")).keys()]
            .filter((path) => /^[a-z]+\.txt$/.test(path))
            .sort(),
          ["late.txt", "r.txt", "t.txt"]
        )
        yield* forge.advanceBranch(target, main, yield* examined(late, raced.sha))
        const clash = yield* reasonOf(
          forge.prepareHandover(
            target,
            raced.sha,
            handover(yield* branchOff(BranchName.make("clash"), "r.txt", "other"), head)
          )
        )
        assert.strictEqual(clash._tag, "Conflict")
        assert.include("message" in clash ? clash.message : "", "r.txt")
      })
    )

    it.effect("takes a merge of the upstream branch into account, and no other history", () =>
      Effect.gen(function* () {
        const { forge, target, head, write, branchOff } = yield* fresh
        const base = yield* branchOff(topic, "t.txt", "t")
        const theirs = yield* write(main, head, "m.txt", "m")
        const side = BranchName.make("side")
        yield* forge.ensureBranch(target, side, base)
        const work = yield* forge.updateBranch(target, side, main)
        const prepared = yield* forge.prepareHandover(target, base, { ...handover(work, base), upstream: main })
        assert.strictEqual(prepared.merged, theirs)
        yield* forge.advanceBranch(target, topic, yield* examined(base, prepared.sha))
        assert.strictEqual((yield* forge.compare(target, main, topic)).behind, 0)
        for (const bad of [
          handover(work, base),
          { ...handover(work, base), upstream: BranchName.make("absent") },
          handover(work, head),
          handover(head, head),
          { ...handover(yield* write(side, work, "x", "y"), base), upstream: main }
        ]) {
          assert.strictEqual((yield* reasonOf(forge.prepareHandover(target, base, bad)))._tag, "Invalid")
        }
        const moved = yield* write(BranchName.make("orphan"), null, "a", "b")
        assert.strictEqual(
          (yield* reasonOf(forge.prepareHandover(target, moved, { ...handover(work, base), upstream: main })))._tag,
          "Conflict",
          "the branch no longer holds where the work began"
        )
      })
    )

    it.effect("hands a branch out as a bundle and takes one in under no branch", () =>
      Effect.gen(function* () {
        const { forge, target, head, branchOff } = yield* fresh
        const sha = yield* branchOff(topic, "t.txt", "t")
        assert.isAbove((yield* forge.exportBundle(target, topic, head)).byteLength, 0)
        assert.strictEqual((yield* forge.exportBundle(target, topic, sha)).byteLength, 0, "everything is known")
        const whole = yield* forge.exportBundle(target, topic, "2".repeat(40))
        assert.strictEqual(
          (yield* reasonOf(forge.exportBundle(target, BranchName.make("absent"), null)))._tag,
          "NotFound"
        )
        if (capabilities.portableBundles) {
          const other = yield* fresh
          assert.strictEqual(yield* other.forge.importBundle(other.target, whole), sha)
          assert.deepStrictEqual(
            (yield* other.forge.branches(other.target)).map((b) => b.name),
            ["main"]
          )
          assert.strictEqual(text((yield* other.forge.readFiles(other.target, sha, "")).get("t.txt")), "t")
        }
        assert.strictEqual((yield* reasonOf(forge.importBundle(target, Buffer.from("not a bundle"))))._tag, "Invalid")
        assert.strictEqual((yield* reasonOf(forge.importBundle(target, new Uint8Array(0))))._tag, "Invalid")
      })
    )

    it.effect("refuses a bundle whose history it does not have", () =>
      Effect.gen(function* () {
        const { forge, target, head, branchOff } = yield* fresh
        yield* branchOff(topic, "t.txt", "t")
        const thin = yield* forge.exportBundle(target, topic, head)
        const other = yield* fresh
        yield* other.forge.deleteRepository(other.target)
        yield* other.forge.ensureRepository(other.target, {
          defaultBranch: main,
          files: [{ path: "unrelated", content: "u" }],
          message: "Other"
        })
        assert.strictEqual((yield* reasonOf(other.forge.importBundle(other.target, thin)))._tag, "Conflict")
      })
    )

    it.effect("issues tokens that differ, expire and can be revoked", () =>
      Effect.gen(function* () {
        const { forge, target } = yield* fresh
        const before = Date.now()
        const a = yield* forge.issueToken(target, "read", 60, "platform")
        const b = yield* forge.issueToken(target, "write", 60, "platform")
        assert.notStrictEqual(Redacted.value(a.token), Redacted.value(b.token))
        assert.isAtLeast(a.expiresAtMillis, before + 59_000)
        assert.isAtLeast(Redacted.value(a.token).length, 24)
        assert.strictEqual((yield* reasonOf(forge.issueToken(target, "read", 0, "platform")))._tag, "Invalid")
        yield* forge.revokeTokens(target)
        yield* forge.revokeTokens(target)
      })
    )
  })
}
