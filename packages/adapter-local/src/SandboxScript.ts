/**
 * The shell programs that stand between the launcher and the command. Pure text, POSIX sh.
 * Descriptors: 3 = control (host → `TERM`; inside → set-up messages and `exit N`), 4 = the command's script, then its start report.
 */
import type { Limits } from "./SandboxTypes.ts"

/** Programs of the set-up itself run with this PATH alone. */
export const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

export const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

/** Reads the command's script from descriptor 4 and becomes the command. */
export const bootstrap = "eval \"$(cat <&4)\""

/**
 * Supervises: one reader of the control channel ends everything on `TERM` (politely) or when the host is gone (at once); the
 * command runs in the foreground, because a background job of a shell ignores INT. A shell reports a signal death on its own
 * standard error, which is the control channel: that is how `exit 143` and SIGTERM are told apart. `$DROP` gives up privileges.
 */
const supervise = (drop: string) => `
( exec 4>&- 6<&- 7>&-; while read -r word <&3; do [ "$word" = TERM ] && kill -TERM -1; done; kill -KILL -1 ) &
( exec <&6 2>&7 3>&- 6<&- 7>&-; exec ${drop} /bin/sh -c ${quote(bootstrap)} )
code=$?
echo "exit $code" >&3
exit "$code"
`

/** First process of new mount and pid namespaces: builds the file system, leaves the host's, then supervises. */
export const namespaceInit = (options: { readonly loopback: string | null; readonly beforeMount: string; readonly drop: string }): string => `
exec 6<&0 </dev/null 7>&2 2>&3
set -e
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
  readonly limits: Limits
  readonly limit: (limits: Limits) => string
}

/**
 * Becomes the command, or reports on descriptor 4 why not: `cwd`, `limits`, `missing`, `denied` or `interpreter <path>`; `ok` just before.
 * The variables are exported here and not given on a command line.
 */
export const commandScript = ({ argv, cwd, env, limits, limit }: CommandScript): string => {
  const [program = "", ...args] = argv
  return `
stop() { echo "$1" >&4; exit 127; }
cd -- ${quote(cwd)} 2>/dev/null || stop cwd
{ ${limit(limits)}; } >/dev/null 2>&1 || stop limits
unset LC_ALL PWD OLDPWD SHLVL
${Object.entries(env).map(([key, value]) => `export ${key}=${quote(value)}`).join("\n")}
n=${quote(program)}
case $n in
  */*) p=$n ;;
  *) p=; IFS=:; for d in $PATH; do [ -f "$d/$n" ] && [ -x "$d/$n" ] && { p=$d/$n; break; }; done; unset IFS ;;
esac
[ -n "$p" ] && [ -f "$p" ] || stop missing
[ -x "$p" ] || stop denied
first=
IFS= read -r first 2>/dev/null <"$p"
case $first in
  "#!"*) first=\${first#??}; while :; do case $first in " "*) first=\${first# } ;; *) break ;; esac; done
    first=\${first%%[ 	]*}; [ -x "$first" ] || stop "interpreter $first" ;;
esac
echo ok >&4
exec 4>&-
exec "$p" ${args.map(quote).join(" ")}
`
}

/** Variables that a POSIX shell will not let anybody set. */
const shellOwned: ReadonlySet<string> = new Set(["UID", "EUID", "PPID", "BASHOPTS", "BASH_VERSINFO", "SHELLOPTS", "IFS", "OPTIND", "PS4", "ENV", "BASH_ENV"])
export const isVariableName = (name: string): boolean => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !shellOwned.has(name)
