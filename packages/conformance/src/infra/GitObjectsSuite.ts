/** What the git of every forge must do. Run it with a forge of its own; repositories that it makes are left behind for the layer to drop. */
import { assert, layer as withLayer } from "@effect/vitest"
import { Examined } from "@rdev/core/domain/Examined"
import * as NewId from "@rdev/core/ids/NewId"
import { BranchName, type Sha } from "@rdev/core/ports/infra/Forge"
import { GitObjects, type Handover, messageLength } from "@rdev/core/ports/infra/GitObjects"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { Effect, Exit, Layer, Option, Schema } from "effect"
import { author, fresh, main, reasonOf, text, topic } from "./ForgeWorld.ts"

export interface Capabilities {
  /** Changes to different lines of one file merge. Without it any file changed on both sides conflicts. */
  readonly mergesLines: boolean
  /** Whether a bundle exported by one repository can be taken in by another one of the same forge. */
  readonly portableBundles: boolean
}

/** The examination is not the forge's business: here everything may land. */
const examined = (head: Sha, to: Sha) => Examined.examine({ head, to }, () => Effect.succeed([]))
const handover = (work: Sha, base: Sha): Handover => ({
  work,
  base,
  upstream: null,
  message: "Work",
  author: { name: "Agent", email: "agent@example.org" }
})

export const suite = (
  name: string,
  layer: Layer.Layer<GitObjects | RepositoryHost, unknown>,
  capabilities: Capabilities
): void => {
  withLayer(Layer.orDie(layer), { excludeTestServices: true })(`GitObjects: ${name}`, (it) => {
    it.effect("reads nothing of another project's repository", () =>
      Effect.gen(function* () {
        const { git, target, head } = yield* fresh
        const other = { ...target, projectId: yield* NewId.make("proj") }
        assert.strictEqual((yield* reasonOf(git.readFiles(other, head, "")))._tag, "Foreign")
        assert.strictEqual((yield* reasonOf(git.head(other, main)))._tag, "Foreign")
        assert.deepStrictEqual(yield* git.head(target, main), Option.some(head))
      })
    )

    it.effect("lists and reads the files of a commit", () =>
      Effect.gen(function* () {
        const { git, target, head } = yield* fresh
        const tree = yield* git.listTree(target, head)
        assert.deepStrictEqual(
          tree.map((e) => [e.path, e.mode]),
          [
            ["README.md", "100644"],
            ["run.sh", "100755"],
            ["src/index.js", "100644"]
          ]
        )
        const all = yield* git.readFiles(target, head, "")
        assert.strictEqual(text(all.get("run.sh")), "#!/bin/sh\necho hi\n")
        assert.deepStrictEqual([...(yield* git.readFiles(target, head, "src")).keys()], ["src/index.js"])
        assert.strictEqual((yield* git.readFiles(target, head, "absent")).size, 0)
        const some = yield* git.readFiles(target, head, ["run.sh", "src", "src/index.js", "absent"])
        assert.deepStrictEqual([...some.keys()].sort(), ["run.sh", "src/index.js"], "paths name files, not folders")
        assert.strictEqual((yield* git.readFiles(target, head, [])).size, 0)
        assert.strictEqual((yield* reasonOf(git.listTree(target, "0".repeat(40))))._tag, "NotFound")
      })
    )

    it.effect("commits changes and deletions on the expected head alone", () =>
      Effect.gen(function* () {
        const { git, target, head } = yield* fresh
        const binary = new Uint8Array([0, 255, 10, 13, 0])
        const sha = yield* git.commit(target, {
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
        assert.deepStrictEqual(yield* git.head(target, main), Option.some(sha))
        const files = yield* git.readFiles(target, sha, "")
        assert.deepStrictEqual([...files.keys()].sort(), ["README.md", 'deep/ünï code/file "q".bin', "run.sh"])
        assert.deepStrictEqual([...(files.get('deep/ünï code/file "q".bin') ?? [])], [...binary])
        assert.strictEqual(
          (yield* git.listTree(target, sha)).find((e) => e.path === "run.sh")?.mode,
          "100755",
          "a change keeps the mode"
        )
        const moved = yield* reasonOf(
          git.commit(target, { branch: main, expectedHead: head, changes: [], message: "Late", author })
        )
        assert.strictEqual(moved._tag, "Conflict")
        const taken = yield* reasonOf(
          git.commit(target, { branch: main, expectedHead: null, changes: [], message: "New", author })
        )
        assert.strictEqual(taken._tag, "Conflict")
        assert.deepStrictEqual(yield* git.head(target, main), Option.some(sha))
      })
    )

    it.effect("lets one of several commits on the same head win", () =>
      Effect.gen(function* () {
        const { git, target, head, write } = yield* fresh
        const results = yield* Effect.all(
          Array.from({ length: 8 }, (_, i) => Effect.exit(write(main, head, `race/${i}.txt`, String(i)))),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(results.filter(Exit.isSuccess).length, 1)
        const now = Option.getOrThrow(yield* git.head(target, main))
        assert.strictEqual((yield* git.readFiles(target, now, "race")).size, 1)
      })
    )

    it.effect("puts files where folders were, folders where files were, and deletes folders", () =>
      Effect.gen(function* () {
        const { git, target, head } = yield* fresh
        const paths = (sha: Sha) => Effect.map(git.listTree(target, sha), (tree) => tree.map((entry) => entry.path))
        const change = (expectedHead: Sha, changes: ReadonlyArray<readonly [string, string | null]>) =>
          git.commit(target, {
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
        assert.strictEqual(text((yield* git.readFiles(target, two, "src")).get("src/again")), "x")
      })
    )

    it.effect("starts a branch with a first commit when none is expected", () =>
      Effect.gen(function* () {
        const { git, target, write } = yield* fresh
        const orphan = BranchName.make("orphan")
        const sha = yield* write(orphan, null, "a", "b")
        assert.deepStrictEqual([...(yield* git.readFiles(target, sha, "")).keys()], ["a"])
      })
    )

    it.effect("refuses paths that leave the tree or enter .git", () =>
      Effect.gen(function* () {
        const { git, target, head, write } = yield* fresh
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
        assert.deepStrictEqual(yield* git.head(target, main), Option.some(head))
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
        const { git, target, head, write, branchOff } = yield* fresh
        const sha = yield* branchOff(topic, "t.txt", "t")
        assert.strictEqual(yield* git.ensureBranch(target, topic, head), sha, "a branch that is there stays as it is")
        assert.deepStrictEqual(yield* git.branches(target), [
          { name: topic, sha },
          { name: "main", sha: head }
        ])
        assert.strictEqual(
          (yield* reasonOf(git.ensureBranch(target, BranchName.make("x"), "1".repeat(40))))._tag,
          "NotFound"
        )
        yield* git.deleteBranch(target, topic)
        yield* git.deleteBranch(target, topic)
        assert.isTrue(Option.isNone(yield* git.head(target, topic)))
        assert.strictEqual((yield* reasonOf(git.deleteBranch(target, main)))._tag, "Invalid")
        assert.strictEqual(
          (yield* reasonOf(write(topic, sha, "x", "y")))._tag,
          "Conflict",
          "a deleted branch is a moved head"
        )
      })
    )

    it.effect("compares and updates branches", () =>
      Effect.gen(function* () {
        const { git, target, head, write, branchOff } = yield* fresh
        const ours = yield* branchOff(topic, "topic.txt", "t")
        assert.deepStrictEqual(yield* git.compare(target, main, topic), {
          ahead: 1,
          behind: 0,
          conflicts: [],
          mergeBase: head
        })
        assert.strictEqual(yield* git.updateBranch(target, topic, main), ours, "nothing was behind")
        const theirs = yield* write(main, head, "main.txt", "m")
        assert.deepStrictEqual(yield* git.compare(target, main, topic), {
          ahead: 1,
          behind: 1,
          conflicts: [],
          mergeBase: head
        })
        assert.deepStrictEqual(
          yield* git.compare(target, theirs, ours),
          { ahead: 1, behind: 1, conflicts: [], mergeBase: head },
          "commits are compared as branches are"
        )
        const both = yield* git.updateBranch(target, topic, main)
        assert.deepStrictEqual(yield* git.compare(target, main, topic), {
          ahead: 2,
          behind: 0,
          conflicts: [],
          mergeBase: theirs
        })
        assert.deepStrictEqual(
          yield* git.line(target, both, { since: null, limit: 10 }),
          [
            { sha: both, parents: [ours, theirs], message: "Merge branch 'main' into feature/topic" },
            { sha: ours, parents: [head], message: "Change topic.txt" },
            { sha: head, parents: [], message: "Start" }
          ],
          "the line of the first parents"
        )
        assert.deepStrictEqual(
          (yield* git.line(target, both, { since: theirs, limit: 1 })).map((one) => one.sha),
          [both]
        )
        assert.deepStrictEqual(yield* git.line(target, theirs, { since: theirs, limit: 10 }), [])
        assert.strictEqual((yield* reasonOf(git.line(target, both, { since: null, limit: 0 })))._tag, "Invalid")
        assert.strictEqual((yield* reasonOf(git.compare(target, main, "0".repeat(40))))._tag, "NotFound")
        assert.isTrue((yield* git.readFiles(target, both, "")).has("main.txt"))
        assert.deepStrictEqual(yield* git.head(target, main), Option.some(theirs))
      })
    )

    it.effect("names the conflicting paths and changes nothing", () =>
      Effect.gen(function* () {
        const { git, target, head, write, branchOff } = yield* fresh
        const ours = yield* branchOff(topic, "src/index.js", "export const a = 2\n")
        const theirs = yield* write(main, head, "src/index.js", "export const a = 3\n")
        assert.deepStrictEqual((yield* git.compare(target, main, topic)).conflicts, ["src/index.js"])
        const reason = yield* reasonOf(git.updateBranch(target, topic, main))
        assert.strictEqual(reason._tag, "Conflict")
        assert.include("message" in reason ? reason.message : "", "src/index.js")
        assert.deepStrictEqual(yield* git.head(target, topic), Option.some(ours))
        assert.deepStrictEqual(yield* git.head(target, main), Option.some(theirs))
      })
    )

    it.effect("merges changes to different lines of a file, where it can", () =>
      Effect.gen(function* () {
        const { git, target, head, write, branchOff } = yield* fresh
        yield* branchOff(topic, "README.md", "ONE\ntwo\nthree\nfour\nfive\nsix\nseven\n")
        yield* write(main, head, "README.md", "one\ntwo\nthree\nfour\nfive\nsix\nSEVEN\n")
        const { conflicts } = yield* git.compare(target, main, topic)
        assert.deepStrictEqual(conflicts, capabilities.mergesLines ? [] : ["README.md"])
      })
    )

    it.effect("says what a merge would change, and nothing where the base has it already", () =>
      Effect.gen(function* () {
        const { git, target, head, write, branchOff } = yield* fresh
        const ours = yield* branchOff(topic, "README.md", "ONE\ntwo\nthree\nfour\nfive\nsix\nseven\n")
        yield* write(topic, ours, "run.sh", null)
        assert.deepStrictEqual(yield* git.brings(target, main, topic), ["README.md", "run.sh"])
        assert.deepStrictEqual(yield* git.brings(target, topic, main), [])
        assert.deepStrictEqual(yield* git.brings(target, head, head), [])
        const other = yield* write(main, head, "src/other.js", "other\n")
        assert.deepStrictEqual(yield* git.brings(target, main, topic), ["README.md", "run.sh"])
        const part = yield* write(main, other, "README.md", "ONE\ntwo\nthree\nfour\nfive\nsix\nseven\n")
        assert.deepStrictEqual(yield* git.brings(target, part, topic), ["run.sh"])
        const drifted = yield* write(main, part, "README.md", "ONE\ntwo\nthree\nfour\nfive\nsix\nSEVEN\n")
        const all = yield* write(main, drifted, "run.sh", null)
        assert.deepStrictEqual(
          yield* git.brings(target, all, topic),
          capabilities.mergesLines ? [] : ["README.md"],
          "other lines of the same file do not matter where lines are merged"
        )
        const conflicting = yield* write(main, all, "README.md", "1\ntwo\nthree\nfour\nfive\nsix\nseven\n")
        assert.deepStrictEqual(yield* git.brings(target, conflicting, topic), ["README.md"], "a conflict is a change")
        assert.strictEqual((yield* reasonOf(git.brings(target, main, "0".repeat(40))))._tag, "NotFound")
        assert.deepStrictEqual(yield* git.head(target, main), Option.some(conflicting), "nothing moves")
      })
    )

    it.effect("reads what commits say as far as it is asked for", () =>
      Effect.gen(function* () {
        const { git, target, head } = yield* fresh
        const say = (expectedHead: Sha, message: string, content: string) =>
          git.commit(target, {
            branch: main,
            expectedHead,
            changes: [{ path: "said.txt", content }],
            message,
            author
          })
        const text = 'Revert "Grüße: 日本"\n\nThis reverts commit 0123.\n\n  indented'
        const said = yield* say(head, `${text}\n\n`, "1")
        const long = yield* say(said, `Long\n\n${"word ".repeat(100_000)}`, "2")
        const line = yield* git.line(target, long, { since: head, limit: 10 })
        assert.deepStrictEqual(
          line.map(({ sha }) => sha),
          [long, said]
        )
        assert.strictEqual(line[1]?.message, text)
        assert.strictEqual(line[0]?.message, `Long\n\n${"word ".repeat(100_000)}`.slice(0, messageLength).trimEnd())
      })
    )

    it.effect("moves a branch forward only, from the expected head", () =>
      Effect.gen(function* () {
        const { git, target, head, write, branchOff } = yield* fresh
        const ahead = yield* branchOff(topic, "t.txt", "t")
        assert.strictEqual(
          (yield* reasonOf(git.advanceBranch(target, main, yield* examined(ahead, ahead))))._tag,
          "Conflict"
        )
        yield* git.advanceBranch(target, main, yield* examined(head, ahead))
        assert.deepStrictEqual(yield* git.head(target, main), Option.some(ahead))
        const unrelated = yield* write(BranchName.make("orphan"), null, "a", "b")
        assert.strictEqual(
          (yield* reasonOf(git.advanceBranch(target, main, yield* examined(ahead, unrelated))))._tag,
          "Conflict"
        )
        assert.strictEqual(
          (yield* reasonOf(git.advanceBranch(target, main, yield* examined(ahead, head))))._tag,
          "Conflict",
          "not backwards"
        )
      })
    )

    it.effect("prepares a hand-over as a commit of its own, on no branch", () =>
      Effect.gen(function* () {
        const { git, target, head, write, branchOff } = yield* fresh
        const work = yield* branchOff(topic, "t.txt", "t")
        const prepared = yield* git.prepareHandover(target, head, handover(work, head))
        assert.strictEqual(prepared.merged, null)
        assert.notStrictEqual(prepared.sha, work, "only the files are taken over")
        assert.deepStrictEqual(yield* git.listTree(target, prepared.sha), yield* git.listTree(target, work))
        assert.deepStrictEqual(yield* git.branches(target), [
          { name: topic, sha: work },
          { name: "main", sha: head }
        ])
        yield* git.advanceBranch(target, main, yield* examined(head, prepared.sha))
        assert.deepStrictEqual(yield* git.compare(target, BranchName.make("main"), topic), {
          ahead: 1,
          behind: 1,
          conflicts: [],
          mergeBase: head
        })
        const same = yield* git.commit(target, {
          branch: BranchName.make("same"),
          expectedHead: yield* git.ensureBranch(target, BranchName.make("same"), head),
          changes: [],
          message: "nothing",
          author
        })
        assert.deepStrictEqual(
          yield* git.prepareHandover(target, prepared.sha, handover(same, head)),
          { sha: prepared.sha, merged: null },
          "nothing to land"
        )
        const late = yield* write(main, prepared.sha, "late.txt", "l")
        const raced = yield* git.prepareHandover(
          target,
          late,
          handover(yield* branchOff(BranchName.make("raced"), "r.txt", "r"), head)
        )
        assert.deepStrictEqual(
          [...(yield* git.readFiles(target, raced.sha, "")).keys()].filter((path) => /^[a-z]+\.txt$/.test(path)).sort(),
          ["late.txt", "r.txt", "t.txt"]
        )
        yield* git.advanceBranch(target, main, yield* examined(late, raced.sha))
        const clash = yield* reasonOf(
          git.prepareHandover(
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
        const { git, target, head, write, branchOff } = yield* fresh
        const base = yield* branchOff(topic, "t.txt", "t")
        const theirs = yield* write(main, head, "m.txt", "m")
        const side = BranchName.make("side")
        yield* git.ensureBranch(target, side, base)
        const work = yield* git.updateBranch(target, side, main)
        const prepared = yield* git.prepareHandover(target, base, { ...handover(work, base), upstream: main })
        assert.strictEqual(prepared.merged, theirs)
        yield* git.advanceBranch(target, topic, yield* examined(base, prepared.sha))
        assert.strictEqual((yield* git.compare(target, main, topic)).behind, 0)
        for (const bad of [
          handover(work, base),
          { ...handover(work, base), upstream: BranchName.make("absent") },
          handover(work, head),
          handover(head, head),
          { ...handover(yield* write(side, work, "x", "y"), base), upstream: main }
        ]) {
          assert.strictEqual((yield* reasonOf(git.prepareHandover(target, base, bad)))._tag, "Invalid")
        }
        const moved = yield* write(BranchName.make("orphan"), null, "a", "b")
        assert.strictEqual(
          (yield* reasonOf(git.prepareHandover(target, moved, { ...handover(work, base), upstream: main })))._tag,
          "Conflict",
          "the branch no longer holds where the work began"
        )
      })
    )

    it.effect("hands a branch out as a bundle and takes one in under no branch", () =>
      Effect.gen(function* () {
        const { git, target, head, branchOff } = yield* fresh
        const sha = yield* branchOff(topic, "t.txt", "t")
        assert.isAbove((yield* git.exportBundle(target, topic, head)).byteLength, 0)
        assert.strictEqual((yield* git.exportBundle(target, topic, sha)).byteLength, 0, "everything is known")
        const whole = yield* git.exportBundle(target, topic, "2".repeat(40))
        assert.strictEqual(
          (yield* reasonOf(git.exportBundle(target, BranchName.make("absent"), null)))._tag,
          "NotFound"
        )
        if (capabilities.portableBundles) {
          const other = yield* fresh
          assert.strictEqual(yield* other.git.importBundle(other.target, whole), sha)
          assert.deepStrictEqual(
            (yield* other.git.branches(other.target)).map((b) => b.name),
            ["main"]
          )
          assert.strictEqual(text((yield* other.git.readFiles(other.target, sha, "")).get("t.txt")), "t")
        }
        assert.strictEqual((yield* reasonOf(git.importBundle(target, Buffer.from("not a bundle"))))._tag, "Invalid")
        assert.strictEqual((yield* reasonOf(git.importBundle(target, new Uint8Array(0))))._tag, "Invalid")
      })
    )

    it.effect("refuses a bundle whose history it does not have", () =>
      Effect.gen(function* () {
        const { git, target, head, branchOff } = yield* fresh
        yield* branchOff(topic, "t.txt", "t")
        const thin = yield* git.exportBundle(target, topic, head)
        const other = yield* fresh
        yield* other.repositories.remove(other.target)
        yield* other.repositories.ensure(other.target, {
          defaultBranch: main,
          files: [{ path: "unrelated", content: "u" }],
          message: "Other"
        })
        assert.strictEqual((yield* reasonOf(other.git.importBundle(other.target, thin)))._tag, "Conflict")
      })
    )
  })
}
