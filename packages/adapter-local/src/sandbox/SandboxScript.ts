/**
 * The shell programs that stand between the launcher and the command. Pure text, POSIX sh.
 * Descriptors: 3 = control (host → `TERM`; inside → set-up messages and `exit N`), 4 = the command's script, then its start report.
 */
import { prefix } from "./SandboxLoader.ts"

/** Programs of the set-up itself run with this PATH alone. */
export const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

export const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

/** Reads the command's script from descriptor 4 and becomes the command. */
export const bootstrap = 'eval "$(cat <&4)"'

/**
 * Supervises: one reader of the control channel ends everything on `TERM` (politely) or when the host is gone (at once); the
 * command runs in the foreground, because a background job of a shell ignores INT. A shell reports a signal death on its own
 * standard error, which is the control channel: that is how `exit 143` and SIGTERM are told apart. `$DROP` gives up privileges.
 * When the machine runs out of memory a command goes before the server, also where the server was told to stay.
 */
const supervise = (drop: string) => `
echo 500 2>/dev/null >/proc/self/oom_score_adj
( exec 4>&- 6<&- 7>&-; while read -r word <&3; do [ "$word" = TERM ] && kill -TERM -1; done; kill -KILL -1 ) &
( exec <&6 2>&7 3>&- 6<&- 7>&-; exec ${drop} /bin/sh -c ${quote(bootstrap)} )
code=$?
echo "exit $code" >&3
exit "$code"
`

const joining = (files: ReadonlyArray<string>): string => files.map((file) => `echo 0 >${quote(file)}`).join("\n")

/** A program that first joins control groups: for launchers that cannot do it themselves. */
export const joined = (
  files: ReadonlyArray<string>,
  program: string,
  args: ReadonlyArray<string>
): { readonly program: string; readonly args: ReadonlyArray<string> } =>
  files.length === 0
    ? { program, args }
    : { program: "/bin/sh", args: ["-c", `set -e\n${joining(files)}\nexec "$0" "$@"`, program, ...args] }

/** First process of new mount and pid namespaces: builds the file system, leaves the host's, then supervises. */
export const namespaceInit = (options: {
  readonly loopback: string | null
  readonly beforeMount: string
  readonly drop: string
  readonly join: ReadonlyArray<string>
}): string => `
exec 6<&0 </dev/null 7>&2 2>&3
set -e
${joining(options.join)}
${options.beforeMount}
${options.loopback ?? ":"}
mount -a -T "$RDEV_MOUNTS"
cd "$RDEV_ROOT"
pivot_root . .
umount -l .
cd /
unset RDEV_MOUNTS RDEV_ROOT
set +e
${supervise(options.drop)}`

/** For launchers that have already isolated: only supervises. */
export const supervisorOnly = `
exec 6<&0 </dev/null 7>&2 2>&3
${supervise("")}`

export interface CommandScript {
  readonly argv: ReadonlyArray<string>
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** Shell line, for when there is no loader. */
  readonly limit: string
  /** Words of a shell before the program (see SandboxLoader); null: this shell becomes the command. */
  readonly loader: string | null
}

/**
 * Becomes the command, or reports on descriptor 4 why not: `cwd`, `limits`, `missing`, `denied`, `interpreter <path>` or `loader <what>`; `ok`
 * just before. The variables are exported here and not given on a command line; for a loader under other names.
 */
export const commandScript = ({ argv, cwd, env, limit, loader }: CommandScript): string => {
  const [program = "", ...args] = argv
  const words = args.map(quote).join(" ")
  return `
stop() { echo "$1" >&4; exit 127; }
cd -- ${quote(cwd)} 2>/dev/null || stop cwd
${loader === null ? `{ ${limit}; } >/dev/null 2>&1 || stop limits\numask 022\nexec 3>&- 5>&- 6>&- 7>&- 8>&- 9>&-` : ""}
unset LC_ALL PWD OLDPWD SHLVL
${Object.entries(env)
  .map(([key, value]) => `export ${loader === null ? "" : prefix}${key}=${quote(value)}`)
  .join("\n")}
n=${quote(program)}
case $n in
  */*) p=$n ;;
  *) p=; IFS=:; for d in $${loader === null ? "" : prefix}PATH; do [ -f "$d/$n" ] && [ -x "$d/$n" ] && { p=$d/$n; break; }; done; unset IFS ;;
esac
[ -n "$p" ] && [ -f "$p" ] || stop missing
[ -x "$p" ] || stop denied
first=
IFS= read -r first 2>/dev/null <"$p"
case $first in
  "#!"*) first=\${first#??}; while :; do case $first in " "*) first=\${first# } ;; *) break ;; esac; done
    first=\${first%%[ 	]*}; [ -x "$first" ] || stop "interpreter $first" ;;
esac
${loader === null ? `echo ok >&4\nexec 4>&-\nexec "$p" ${words}` : `exec ${loader} "$p" ${words}`}
`
}

/** Variables that a POSIX shell will not let anybody set. */
const shellOwned: ReadonlySet<string> = new Set([
  "UID",
  "EUID",
  "PPID",
  "BASHOPTS",
  "BASH_VERSINFO",
  "SHELLOPTS",
  "IFS",
  "OPTIND",
  "PS4",
  "ENV",
  "BASH_ENV"
])
export const isVariableName = (name: string): boolean => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !shellOwned.has(name)
