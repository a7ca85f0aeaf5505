/** A document, and what a branch changes, as lines for a person. */
import type { Output } from "@rdev/api/RdevClient"
import { type Screen, table } from "../Screen.ts"

type Document = Output<"features", "document">
type Changes = Output<"features", "diff">
type ChangedFile = Changes["files"][number]

export const documentLines = (one: Document, { style }: Screen): ReadonlyArray<string> => [
  style.dim(`${one.paths.join(", ")} at ${one.sha.slice(0, 12)}${one.digest === null ? "" : `  ${one.digest}`}`),
  one.text.replace(/\n$/, ""),
  ...(one.truncated ? [style.yellow(`… of ${one.size_bytes} bytes; the rest is in the repository`)] : [])
]

const signs = { added: "A", deleted: "D", modified: "M", renamed: "R" } as const
const countOf = (file: ChangedFile): string =>
  file.binary ? "binary" : file.added === null ? "too large" : `+${file.added} -${file.removed ?? 0}`

const patchLine = (line: string, { style }: Screen): string =>
  line.startsWith("@@")
    ? style.cyan(line)
    : /^(?:diff |\+\+\+ |--- )/.test(line)
      ? style.bold(line)
      : line.startsWith("+")
        ? style.green(line)
        : line.startsWith("-")
          ? style.red(line)
          : line

/** The files with what changed in each, and what is not shown. */
export const statLines = (changes: Changes, screen: Screen): ReadonlyArray<string> => {
  const { style } = screen
  const lines = changes.files.map((file) => [
    `${signs[file.status]}`,
    file.previous_path === null ? file.path : `${file.previous_path} → ${file.path}`,
    style.dim(countOf(file))
  ])
  const unlisted = changes.total - changes.files.length
  return [
    ...(changes.total === 0 ? ["It changes no files."] : table(lines)),
    ...(unlisted === 0 ? [] : [style.yellow(`… and ${unlisted} more files; look at them in the repository`)]),
    style.dim(
      `${changes.base === null ? "everything" : changes.base.slice(0, 12)}..${changes.head.slice(0, 12)}, without ${changes.records} files of events and evidence`
    )
  ]
}
export const changeLines = (changes: Changes, screen: Screen): ReadonlyArray<string> => {
  const left = changes.files.filter(({ patch }) => patch === null)
  return [
    ...statLines(changes, screen),
    "",
    ...changes.files.flatMap(({ patch }) =>
      patch === null
        ? []
        : patch
            .replace(/\n$/, "")
            .split("\n")
            .map((line) => patchLine(line, screen))
    ),
    ...left.map(({ path }) =>
      screen.style.yellow(`… ${path}: too large to show here; give its path, or look in the repository`)
    )
  ]
}
