/**
 * Isolation by bubblewrap (`bwrap`), with the same file system as SandboxNamespaces. Its loopback is always up when the network is
 * off. Kernel settings are mounted read-only here: started by root, bubblewrap 0.8 leaves them writable to root's user id.
 */
import { existsSync } from "node:fs"
import { agentUid, home, mountsFor, path, type SandboxRoot, workDir } from "./SandboxRoot.ts"
import * as SandboxLimits from "./SandboxLimits.ts"
import { rootOnlyProc } from "./SandboxNamespaces.ts"
import * as SandboxScript from "./SandboxScript.ts"
import type { Backend, LastStep } from "./SandboxTypes.ts"

const masks = (proc: string) =>
  process.getuid?.() === 0
    ? rootOnlyProc
        .filter((name) => existsSync(`/proc/${name}`))
        .flatMap((name) => ["--ro-bind", "/dev/null", `${proc}/${name}`])
    : []

export const make = (options: {
  readonly program: string
  readonly root: SandboxRoot
  readonly forbidNesting: boolean
  readonly last: LastStep
}): Backend => ({
  isolation: "bubblewrap",
  owner: null,
  networks: ["none", "loopback", "internet"],
  containment: "namespace",
  inside: () => ({ workDir, home, path }),
  rlimits: (limits) => SandboxLimits.rlimits(limits, SandboxLimits.ownHardLimits()),
  limit: (limits) => SandboxLimits.prlimit(SandboxLimits.rlimits(limits, SandboxLimits.ownHardLimits())),
  last: options.last,
  launch: async (request) => {
    const { filter, loader } = options.last
    // Without a loader bubblewrap loads the filter, just before it starts the supervising shell.
    const feed = loader === null && filter !== null ? filter : null
    const mounts = await mountsFor(options.root, request.folders, request.network, request.limits.memoryBytes)
    const args = mounts.flatMap((mount) => {
      switch (mount.kind) {
        case "tmpfs":
          return ["--perms", "1777", "--size", String(mount.sizeBytes), "--tmpfs", mount.path]
        case "proc":
          return [
            "--proc",
            mount.path,
            ...["sys", "irq", "bus", "fs", "acpi"]
              .filter((name) => existsSync(`/proc/${name}`))
              .flatMap((name) => ["--ro-bind", `/proc/${name}`, `${mount.path}/${name}`]),
            ...masks(mount.path)
          ]
        case "bind":
          return [
            mount.access === "ro" ? "--ro-bind" : mount.access === "rw" ? "--bind" : "--dev-bind",
            mount.source,
            mount.path
          ]
      }
    })
    return {
      ...SandboxScript.joined(request.join, options.program, [
        "--unshare-user",
        "--unshare-pid",
        "--unshare-ipc",
        "--unshare-uts",
        "--unshare-cgroup-try",
        "--hostname",
        "workspace",
        ...(request.network === "internet" ? [] : ["--unshare-net"]),
        ...(options.forbidNesting ? ["--disable-userns"] : []),
        ...(feed === null ? [] : ["--seccomp", "5"]),
        "--uid",
        String(agentUid),
        "--gid",
        String(agentUid),
        "--cap-drop",
        "ALL",
        "--die-with-parent",
        "--as-pid-1",
        "--new-session",
        "--clearenv",
        "--setenv",
        "PATH",
        SandboxScript.systemPath,
        "--setenv",
        "LC_ALL",
        "C",
        "--ro-bind",
        options.root.directory,
        "/",
        ...args,
        "--chdir",
        "/",
        "--",
        "/bin/sh",
        "-c",
        SandboxScript.supervisorOnly
      ]),
      env: { PATH: SandboxScript.systemPath, LC_ALL: "C" },
      ...(feed === null ? {} : { feed }),
      cleanUp: () => Promise.resolve()
    }
  }
})
