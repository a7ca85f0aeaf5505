/** Patches are git's: applied to one tree by git itself they give the other. */
import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import * as FilePatch from "../../../../src/services/features/show/FilePatch.ts"
import * as TreeChanges from "../../../../src/services/features/show/TreeChanges.ts"

interface Entry {
  readonly mode: string
  readonly content: Uint8Array
}
type Tree = ReadonlyMap<string, Entry>

const oidOf = (content: Uint8Array) =>
  createHash("sha1").update(`blob ${content.byteLength}\0`).update(content).digest("hex")
const entriesOf = (tree: Tree) =>
  [...tree]
    .map(([path, { content, mode }]) => ({ path, mode, oid: oidOf(content) }))
    .sort((a, b) => (a.path < b.path ? -1 : 1))
const contentsOf = (...trees: ReadonlyArray<Tree>) =>
  new Map(trees.flatMap((tree) => [...tree.values()].map(({ content }) => [oidOf(content), content] as const)))
const changesOf = (before: Tree, after: Tree) =>
  TreeChanges.withRenames(TreeChanges.between(entriesOf(before), entriesOf(after)), contentsOf(before, after))
const sideOf = (tree: Tree, entry: { readonly path: string; readonly mode: string } | null): FilePatch.Side | null => {
  const content = entry === null ? undefined : tree.get(entry.path)?.content
  return entry === null || content === undefined
    ? null
    : { path: entry.path, mode: entry.mode, text: FilePatch.textOf(content) }
}
const patchOf = (before: Tree, after: Tree) =>
  changesOf(before, after).map((change) => FilePatch.make(sideOf(before, change.before), sideOf(after, change.after)))

const write = (folder: string, tree: Tree) => {
  for (const [path, { content, mode }] of tree) {
    const at = join(folder, path)
    mkdirSync(dirname(at), { recursive: true })
    if (mode === "120000") symlinkSync(Buffer.from(content).toString(), at)
    else {
      writeFileSync(at, content)
      chmodSync(at, mode === "100755" ? 0o755 : 0o644)
    }
  }
}
const readTree = (folder: string, under = ""): ReadonlyArray<readonly [string, string, string]> =>
  readdirSync(join(folder, under), { withFileTypes: true })
    .filter(({ name }) => name !== ".git")
    .flatMap((found): ReadonlyArray<readonly [string, string, string]> => {
      const path = join(under, found.name)
      if (found.isDirectory()) return readTree(folder, path)
      const mode = found.isSymbolicLink()
        ? "120000"
        : (lstatSync(join(folder, path)).mode & 0o100) === 0
          ? "100644"
          : "100755"
      const content = found.isSymbolicLink() ? "" : readFileSync(join(folder, path)).toString("latin1")
      return [[path, mode, content]]
    })
    .sort()

/** What git makes of the first tree with the patch. */
const applied = (before: Tree, patch: string) => {
  const folder = mkdtempSync(join(tmpdir(), "rdev-patch-"))
  try {
    write(folder, before)
    execFileSync("git", ["init", "-q"], { cwd: folder, env: { PATH: process.env["PATH"] ?? "" } })
    if (patch !== "")
      execFileSync("git", ["apply", "--whitespace=nowarn", "-"], {
        cwd: folder,
        input: patch,
        env: { PATH: process.env["PATH"] ?? "" },
        stdio: ["pipe", "pipe", "pipe"]
      })
    return readTree(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
const expected = (tree: Tree) =>
  [...tree]
    .map(
      ([path, { content, mode }]) =>
        [path, mode, mode === "120000" ? "" : Buffer.from(content).toString("latin1")] as const
    )
    .sort()

const file = (text: string, mode = "100644"): Entry => ({ mode, content: Buffer.from(text) })
const line = fc.constantFrom(
  "a",
  "b",
  "",
  "  c",
  "-- d",
  "+++ e",
  "@@ -1 +1 @@",
  "diff --git a/x b/x",
  "\\ No newline",
  "ü ✓",
  "cr\r"
)
const content = fc
  .tuple(fc.array(line, { maxLength: 24 }), fc.boolean())
  .map(([lines, ends]) => lines.join("\n") + (ends && lines.length > 0 ? "\n" : ""))
const name = fc.constantFrom(
  "a.txt",
  "b.txt",
  "dir/c.txt",
  "dir/with space.txt",
  'quo"te.txt',
  "ünï.txt",
  "tab\there.txt"
)
const entry = fc.tuple(content, fc.constantFrom("100644", "100644", "100755")).map(([text, mode]) => file(text, mode))
const tree = fc.array(fc.tuple(name, entry), { maxLength: 6 }).map((pairs): Tree => new Map(pairs))

describe("a patch", () => {
  it("makes the other tree of the one, in git's hands", { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(tree, tree, (before, after) => {
        const patch = patchOf(before, after)
          .map(({ text }) => text)
          .join("")
        assert.deepStrictEqual(applied(before, patch), expected(after), patch)
      }),
      { numRuns: 20 }
    )
  })

  const cases: ReadonlyArray<readonly [name: string, before: Tree, after: Tree]> = [
    ["a file becomes a link", new Map([["x", file("text\n")]]), new Map([["x", file("target", "120000")]])],
    ["only the mode changes", new Map([["x", file("text\n")]]), new Map([["x", file("text\n", "100755")]])],
    [
      "an empty file comes and goes",
      new Map([["x", file("")]]),
      new Map([
        ["y", file("full\n")],
        ["z", file("")]
      ])
    ],
    [
      "more edits than are searched for",
      new Map([["x", file(Array.from({ length: 3_000 }, (_, i) => `old ${i}\n`).join(""))]]),
      new Map([["x", file(Array.from({ length: 2_999 }, (_, i) => `new ${i}\n`).join("") + "no end")]])
    ],
    [
      "renamed and changed",
      new Map([["old/name.txt", file("1\n2\n3\n4\n5\n6\n7\n8\n")]]),
      new Map([["new name.txt", file("1\n2\n3\n4\nfive\n6\n7\n8\n", "100755")]])
    ]
  ]
  for (const [what, before, after] of cases) {
    it(what, () => {
      const made = patchOf(before, after)
      assert.deepStrictEqual(applied(before, made.map(({ text }) => text).join("")), expected(after))
    })
  }

  it("counts lines, and names what is no text", () => {
    const [one] = patchOf(new Map([["x", file("a\nb\nc\n")]]), new Map([["x", file("a\nB\nc\nd\n")]]))
    assert.deepInclude(one, { added: 2, removed: 1 })
    for (const bytes of [Buffer.from([1, 0, 2]), Buffer.from([0xff, 0xfe, 0x41])]) {
      const [two] = patchOf(new Map(), new Map([["x.bin", { mode: "100644", content: bytes }]]))
      assert.deepStrictEqual([two?.added, two?.removed], [null, null])
      assert.include(two?.text, "Binary files /dev/null and b/x.bin differ")
    }
  })
})

describe("renames", () => {
  const long = Array.from({ length: 20 }, (_, i) => `line ${i}\n`).join("")
  const statuses = (before: Tree, after: Tree) =>
    changesOf(before, after).map(
      ({ after, before, status }) => `${status} ${before?.path ?? "-"} ${after?.path ?? "-"}`
    )
  it("are found by content, by half of it, and by the name among equals", () => {
    assert.deepStrictEqual(statuses(new Map([["a", file(long)]]), new Map([["b", file(long)]])), ["renamed a b"])
    assert.deepStrictEqual(
      statuses(new Map([["a", file(long)]]), new Map([["b", file(`${long.slice(0, 100)}other\n`)]])),
      ["renamed a b"]
    )
    assert.deepStrictEqual(statuses(new Map([["a", file(long)]]), new Map([["b", file("other\n")]])), [
      "deleted a -",
      "added - b"
    ])
    assert.deepStrictEqual(
      statuses(
        new Map([
          ["one/x", file(long)],
          ["one/y", file(long)]
        ]),
        new Map([
          ["two/y", file(long)],
          ["two/x", file(long)]
        ])
      ),
      ["renamed one/x two/x", "renamed one/y two/y"]
    )
    assert.deepStrictEqual(statuses(new Map([["a", file("")]]), new Map([["b", file("x\n")]])), [
      "deleted a -",
      "added - b"
    ])
  })
  it("are no longer looked for among very many", () => {
    const many = (folder: string): Tree =>
      new Map(Array.from({ length: 200 }, (_, i) => [`${folder}/${i}`, file(`${i}\n`)]))
    assert.lengthOf(changesOf(many("a"), many("b")), 400)
  })
})
