/**
 * Two ways to run without Linux namespaces. `sandbox-exec` (macOS) restricts what is read, written and reached. `unsafe` restricts
 * nothing but the environment and the limits: the command can read and change what the server's user can. Both end the
 * process group and, on Linux, whatever carries the marker.
 */
import { realRoot } from "../confined/ConfinedFolder.ts"
import * as SandboxLimits from "./SandboxLimits.ts"
import * as SandboxProcess from "./SandboxProcess.ts"
import { joined } from "./SandboxScript.ts"
import type { Backend, LastStep, Limits } from "./SandboxTypes.ts"

// -u (processes) counts per user on the host and would break the server itself: only what is the command's own is limited.
const ulimit = (limits: Limits): string => `ulimit -c 0 && ulimit -f ${Math.max(1, Math.floor(limits.fileBytes / 512))}`

const launcherEnv = {}
const insideOf =
  (toolFolder: string): Backend["inside"] =>
  (folders) => ({
    workDir: folders.files,
    home: folders.home,
    path: `${toolFolder}:/usr/local/bin:/opt/homebrew/bin:/usr/bin:/bin:/usr/sbin:/sbin`
  })

/** The same through a loader; on Linux the limit of data is per process, as in the sandboxes. */
const rlimits = (limits: Limits) =>
  SandboxLimits.rlimits(limits, SandboxLimits.ownHardLimits()).filter(({ name }) => name !== "nproc")

/** `toolFolder` holds links to Node and the given tools. */
export const unsafe = (toolFolder: string, last: LastStep): Backend => ({
  isolation: "none (unsafe)",
  owner: null,
  networks: ["internet", "none", "loopback"],
  containment: "group",
  inside: insideOf(toolFolder),
  rlimits,
  limit: ulimit,
  last,
  launch: ({ join }) => {
    const [program, ...args] = SandboxProcess.bareShell
    return Promise.resolve({ ...joined(join, program, args), env: launcherEnv, cleanUp: () => Promise.resolve() })
  }
})

const literal = (path: string) => JSON.stringify(path)

/** A Seatbelt profile: reads of the system and the given paths, writes to the workspace, its home and the temporary folders. */
export const profile = (options: {
  readonly read: ReadonlyArray<string>
  readonly write: ReadonlyArray<string>
  readonly network: "none" | "loopback" | "internet"
}): string =>
  [
    "(version 1)",
    "(deny default)",
    "(allow process*)",
    "(allow signal (target same-sandbox))",
    "(allow sysctl-read)",
    "(allow mach-lookup)",
    "(allow file-read-metadata)",
    '(allow file-read* (literal "/") (subpath "/usr") (subpath "/bin") (subpath "/sbin") (subpath "/System") (subpath "/Library") (subpath "/private/etc") (subpath "/dev") (subpath "/opt/homebrew") (subpath "/private/var/db"))',
    ...options.read.map((path) => `(allow file-read* (subpath ${literal(path)}))`),
    ...options.write.map((path) => `(allow file* (subpath ${literal(path)}))`),
    '(allow file-write* (literal "/dev/null") (literal "/dev/zero") (literal "/dev/tty"))',
    ...(options.network === "internet" ? ["(allow network*)"] : []),
    ...(options.network === "loopback"
      ? ['(allow network* (local ip "localhost:*"))', '(allow network-outbound (remote ip "localhost:*"))']
      : [])
  ].join("\n")

export const seatbelt = (toolFolder: string, readable: ReadonlyArray<string>): Backend => ({
  isolation: "sandbox-exec",
  owner: null,
  networks: ["none", "loopback", "internet"],
  containment: "group",
  inside: insideOf(toolFolder),
  rlimits: () => [],
  limit: ulimit,
  last: { loader: null, filter: null },
  launch: async (request) => {
    const files = realRoot(request.folders.files)
    const home = realRoot(request.folders.home)
    const write = request.folders.filesReadOnly ? [home] : [files, home]
    const text = profile({
      read: [toolFolder, files, ...readable],
      write: [...write, "/private/tmp", "/private/var/folders"],
      network: request.network
    })
    return {
      program: "/usr/bin/sandbox-exec",
      args: ["-p", text, ...SandboxProcess.bareShell],
      env: launcherEnv,
      cleanUp: () => Promise.resolve()
    }
  }
})
