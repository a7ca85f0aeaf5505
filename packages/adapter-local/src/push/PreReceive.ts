/**
 * The two hooks there are, the server's own. Git runs the first once for a push, after the objects have come and before any ref moves: the
 * objects stand in quarantine, and are thrown away when it refuses. It asks the server on descriptor 3, which it has from the git
 * that the server started; without an answer nothing lands. The second says which refs have moved, when they have.
 */
import type { Question } from "@rdev/git/PushInspection"
import { mkdir, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { Duplex } from "node:stream"

const script = `#!/bin/sh
{ printf '%s\\n' "$GIT_OBJECT_DIRECTORY" "$GIT_ALTERNATE_OBJECT_DIRECTORIES"; cat; echo end; } >&3
while IFS= read -r line <&3; do
  case "$line" in
    yes) exit 0 ;;
    no) exit 1 ;;
    *) printf '%s\\n' "\${line#: }" >&2 ;;
  esac
done
exit 1
`

const after = `#!/bin/sh
{ echo moved; cat; echo end; } >&3
`

/** Writes the folder that `core.hooksPath` of every push names. */
export const install = async (folder: string): Promise<void> => {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await writeFile(join(folder, "pre-receive"), script, { mode: 0o700 })
  await writeFile(join(folder, "post-receive"), after, { mode: 0o700 })
  // An earlier version had its rules there.
  await rm(join(folder, "update"), { force: true })
}

const maxBytes = 8 * 1024 * 1024
const idOf = (id: string) => (/^0+$/.test(id) ? null : id)

const commandsOf = (lines: ReadonlyArray<string>): Question["commands"] =>
  lines.flatMap((line) => {
    const [old = "", next = "", ref = ""] = line.split(" ")
    return ref === "" ? [] : [{ ref, old: idOf(old), next: idOf(next) }]
  })

const parse = (text: string): Question => {
  const [objects = "", alternates = "", ...lines] = text.split("\n")
  return {
    env: {
      ...(objects === "" ? {} : { GIT_OBJECT_DIRECTORY: objects }),
      ...(alternates === "" ? {} : { GIT_ALTERNATE_OBJECT_DIRECTORIES: alternates })
    },
    commands: commandsOf(lines)
  }
}

/** Answers the hooks of one push; the problems that `judge` finds are told to whoever pushes, `moved` hears what landed. */
export const answer = (
  channel: Duplex,
  judge: (question: Question) => Promise<ReadonlyArray<string>>,
  moved: (commands: Question["commands"]) => void
): void => {
  let text = ""
  const say = (problems: ReadonlyArray<string>) => {
    const told = problems.length === 0 ? [] : [...problems, "nothing of this push was taken"]
    channel.write(
      told.map((line) => `: ${line.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, " ")}\n`).join("") +
        (problems.length === 0 ? "yes\n" : "no\n")
    )
  }
  channel.setEncoding("utf8")
  // Its end is git's end, and how that went is told by git.
  channel.on("error", () => undefined)
  channel.on("data", (chunk: string) => {
    text += chunk
    if (text.length > maxBytes) return void channel.destroy()
    if (!text.endsWith("\nend\n")) return
    const said = text.slice(0, -"end\n".length)
    text = ""
    if (said.startsWith("moved\n")) return void moved(commandsOf(said.split("\n").slice(1)))
    const asked = parse(said)
    judge(asked).then(say, () =>
      say(["the push could not be examined; try again, and look into the server's log when it stays so"])
    )
  })
}
