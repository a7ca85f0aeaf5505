/** Git's object names, computed as git does (SHA-1 over `type size\0body`), for forges that keep their objects in memory. */
import { createHash } from "node:crypto"

export interface FileEntry {
  readonly mode: "100644" | "100755" | "120000"
  readonly oid: string
}
/** Path → entry; sorted order is not required. */
export type Tree = ReadonlyMap<string, FileEntry>
export interface Person {
  readonly name: string
  readonly email: string
}
export interface Commit {
  readonly tree: Tree
  readonly parents: ReadonlyArray<string>
  readonly author: Person
  readonly message: string
  readonly timeMillis: number
}

const nameOf = (type: string, body: Uint8Array): string =>
  createHash("sha1").update(`${type} ${body.byteLength}\0`).update(body).digest("hex")

export const blobName = (content: Uint8Array): string => nameOf("blob", content)

interface Folder {
  readonly folders: Map<string, Folder>
  readonly files: Map<string, FileEntry>
}
const emptyFolder = (): Folder => ({ folders: new Map(), files: new Map() })

const folderName = (folder: Folder): string => {
  const rows = [
    ...[...folder.files].map(([name, entry]) => ({ sort: name, name, mode: entry.mode as string, oid: entry.oid })),
    // Git sorts a folder as if its name ended with a slash.
    ...[...folder.folders].map(([name, inner]) => ({ sort: `${name}/`, name, mode: "40000", oid: folderName(inner) }))
  ].sort((a, b) => Buffer.compare(Buffer.from(a.sort), Buffer.from(b.sort)))
  return nameOf(
    "tree",
    Buffer.concat(
      rows.map((row) => Buffer.concat([Buffer.from(`${row.mode} ${row.name}\0`), Buffer.from(row.oid, "hex")]))
    )
  )
}

export const treeName = (tree: Tree): string => {
  const root = emptyFolder()
  for (const [path, entry] of tree) {
    const segments = path.split("/")
    const file = segments.pop() ?? path
    let folder = root
    for (const segment of segments) {
      const next = folder.folders.get(segment) ?? emptyFolder()
      folder.folders.set(segment, next)
      folder = next
    }
    folder.files.set(file, entry)
  }
  return folderName(root)
}

export const commitName = (commit: Commit): string => {
  const stamp = `${commit.author.name} <${commit.author.email}> ${Math.floor(commit.timeMillis / 1000)} +0000`
  const lines = [
    `tree ${treeName(commit.tree)}`,
    ...commit.parents.map((p) => `parent ${p}`),
    `author ${stamp}`,
    `committer ${stamp}`,
    "",
    commit.message
  ]
  return nameOf("commit", Buffer.from(`${lines.join("\n")}\n`))
}

/** Puts a file at a path, replacing a file that stood where a folder is needed, and a folder that stood where the file goes. */
export const putFile = (tree: Map<string, FileEntry>, path: string, entry: FileEntry): void => {
  const segments = path.split("/")
  for (let depth = 1; depth < segments.length; depth++) tree.delete(segments.slice(0, depth).join("/"))
  for (const other of tree.keys()) if (other.startsWith(`${path}/`)) tree.delete(other)
  tree.set(path, entry)
}

const same = (a: FileEntry | undefined, b: FileEntry | undefined) => a?.oid === b?.oid && a?.mode === b?.mode

/** Three-way merge by path: a path changed differently on both sides is a conflict, whatever its lines say. */
export const mergeTrees = (
  base: Tree,
  ours: Tree,
  theirs: Tree
): { readonly tree: Tree; readonly conflicts: ReadonlyArray<string> } => {
  const tree = new Map<string, FileEntry>()
  const conflicts: Array<string> = []
  for (const path of new Set([...base.keys(), ...ours.keys(), ...theirs.keys()])) {
    const [b, o, t] = [base.get(path), ours.get(path), theirs.get(path)]
    const winner = same(o, t) || same(b, t) ? o : same(b, o) ? t : null
    if (winner === null) conflicts.push(path)
    else if (winner !== undefined) tree.set(path, winner)
  }
  for (const path of tree.keys()) {
    for (let cut = path.lastIndexOf("/"); cut > 0; cut = path.lastIndexOf("/", cut - 1)) {
      if (tree.has(path.slice(0, cut))) conflicts.push(path.slice(0, cut))
    }
  }
  return { tree, conflicts: [...new Set(conflicts)].sort() }
}
