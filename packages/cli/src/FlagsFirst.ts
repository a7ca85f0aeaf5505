/**
 * Flags that nearly every command has may stand before the command too: `rdev --key K projects list`. They are moved behind it, in front
 * of what belongs to another program (`rdev exec shop -- …`). Everything else stays where it was, so that mistakes are told as before.
 */
const withValue: ReadonlySet<string> = new Set(["--url", "--key", "--data-dir"])
const alone: ReadonlySet<string> = new Set(["--json", "--no-json"])

export const behindTheCommand = (args: ReadonlyArray<string>): ReadonlyArray<string> => {
  let at = 0
  for (;;) {
    const name = args[at]?.split("=", 1)[0] ?? ""
    if (withValue.has(name)) at += args[at] === name ? 2 : 1
    else if (alone.has(name)) at += 1
    else break
  }
  const rest = args.slice(at)
  // With no command behind them there is nothing to move them to.
  if (at === 0 || rest[0] === undefined || rest[0].startsWith("-")) return args
  const end = rest.indexOf("--")
  const command = end === -1 ? rest : rest.slice(0, end)
  return [...command, ...args.slice(0, at), ...(end === -1 ? [] : rest.slice(end))]
}
