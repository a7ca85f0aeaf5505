/**
 * Isolation by Linux namespaces through util-linux' `unshare`: mount, pid, ipc, uts and (unless `internet`) net.
 *
 * As root the set-up runs with root's rights and the command as a user id that owns nothing else on the host, without capabilities.
 * As an ordinary user a user namespace gives the rights for the set-up; the command runs in a second one without any, and the
 * first forbids further ones.
 */
import { randomBytes } from "node:crypto"
import { rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import * as SandboxLimits from "./SandboxLimits.ts"
import * as SandboxRoot from "./SandboxRoot.ts"
import * as SandboxScript from "./SandboxScript.ts"
import type { Backend, LastStep } from "./SandboxTypes.ts"

export interface Options {
  /** Where mount tables are written. */
  readonly folder: string
  readonly root: SandboxRoot.SandboxRoot
  /** null = by user namespaces, as the server's own user. */
  readonly owner: { readonly uid: number; readonly gid: number } | null
  /** Shell command that brings the loopback interface up; null when the machine has no program for it. */
  readonly loopback: string | null
  /** Whether the command gets a user namespace of its own below `owner`: process limits count per command then. */
  readonly innerUser: boolean
  readonly last: LastStep
}

const asAgent = `unshare --user --map-user=${SandboxRoot.agentUid} --map-group=${SandboxRoot.agentUid} --`
const noPrivileges = "setpriv --inh-caps=-all --ambient-caps=-all --no-new-privs"

const dropAsRoot = (owner: { readonly uid: number; readonly gid: number }, innerUser: boolean) =>
  `${noPrivileges} --bounding-set=-all --reuid=${owner.uid} --regid=${owner.gid} --clear-groups -- ${innerUser ? asAgent : ""}`

/** Files of `/proc` that only the host's root may use; covered when the command keeps root's user id. */
export const rootOnlyProc = ["kcore", "keys", "kmsg", "sysrq-trigger", "timer_list", "sched_debug"]
const maskRootOnly = rootOnlyProc
  .map((name) => `[ ! -e "$RDEV_ROOT/proc/${name}" ] || mount --bind /dev/null "$RDEV_ROOT/proc/${name}"`)
  .join("\n")

export const make = (options: Options): Backend => {
  const { root, owner } = options
  const hard = SandboxLimits.ownHardLimits()
  const kernelRoot = owner === null && process.getuid?.() === 0
  const init = (withLoopback: boolean, join: ReadonlyArray<string>) =>
    SandboxScript.namespaceInit({
      join,
      loopback: withLoopback ? options.loopback : null,
      beforeMount:
        owner === null
          ? "echo 1 > /proc/sys/user/max_user_namespaces"
          : "echo workspace > /proc/sys/kernel/hostname || :",
      drop: owner === null ? `${asAgent} ${noPrivileges} --` : dropAsRoot(owner, options.innerUser)
    }).replace('cd "$RDEV_ROOT"', kernelRoot ? `${maskRootOnly}\ncd "$RDEV_ROOT"` : 'cd "$RDEV_ROOT"')

  return {
    isolation: "namespaces",
    owner,
    networks: options.loopback === null ? ["none", "internet"] : ["none", "loopback", "internet"],
    containment: "namespace",
    inside: () => ({ workDir: SandboxRoot.workDir, home: SandboxRoot.home, path: SandboxRoot.path }),
    rlimits: (limits) => SandboxLimits.rlimits(limits, hard),
    limit: (limits) => SandboxLimits.prlimit(SandboxLimits.rlimits(limits, hard)),
    last: options.last,
    launch: async (request) => {
      const mounts = await SandboxRoot.mountsFor(root, request.folders, request.network, request.limits.memoryBytes)
      const table = join(options.folder, `mounts-${randomBytes(8).toString("hex")}`)
      await writeFile(table, SandboxRoot.fstab(root, mounts, await SandboxRoot.currentFlags(), true), {
        mode: 0o600,
        flag: "wx"
      })
      return {
        program: "setpriv",
        args: [
          // The launcher dies with the server, and --kill-child takes the namespace with it.
          "--pdeathsig=KILL",
          "--",
          "unshare",
          ...(owner === null ? ["--user", "--map-root-user"] : []),
          "--mount",
          "--propagation=private",
          "--pid",
          "--ipc",
          "--uts",
          "--cgroup",
          ...(request.network === "internet" ? [] : ["--net"]),
          "--fork",
          "--kill-child=KILL",
          "--",
          "/bin/sh",
          "-c",
          init(request.network === "loopback", request.join)
        ],
        env: { PATH: SandboxScript.systemPath, LC_ALL: "C", RDEV_ROOT: root.directory, RDEV_MOUNTS: table },
        cleanUp: () => rm(table, { force: true })
      }
    }
  }
}
