/**
 * Which files of the packages on the host's side may touch the file system themselves, and what they touch. A tree that a sandbox could
 * write is entered by ConfinedFolder alone; everything else here is written by the server's user only. A new access to files shows up
 * as a problem of `npm run boundaries` until somebody has said here where it leads.
 */
const own = "the server's own records, which no sandbox sees"

export const allowed = {
  "adapter-local": {
    "confined/ConfinedFolder.ts": "the one opener of trees that a sandbox could write",
    "confined/ConfinedTree.ts": "makes the parents of a sandbox's folder (mkdir); enters trees by ConfinedFolder",
    "confined/ConfinedSocket.ts": "pins a socket of a sandbox without following a link",
    "workspaces/Checkout.ts": "makes the empty folder of a checkout (mkdir); fills it by ConfinedFolder",
    "ci/CiRecords.ts": own,
    "records/RecordFile.ts": own,
    "build/Artifacts.ts": own,
    "release/ReleaseRecords.ts": own,
    "release/ServiceRecords.ts": own,
    "forge/PullRequests.ts": own,
    "edge/LocalDns.ts": own,
    "edge/LocalRouter.ts": own,
    "output/OutputFiles.ts": own,
    "output/OutputWriter.ts": own,
    "workspaces/LocalWorkspaceHost.ts": "lists and renames folders of the server's own around workspaces",
    "sandbox/Cgroups.ts": "the kernel's control groups below this process's own",
    "sandbox/Isolation.ts": "an empty folder for a test command",
    "adapter.ts": "whether the data folder can be used",
    "sandbox/Disk.ts":
      "asks what the disk has left and what /proc tells of commands; counts folders by du and ConfinedTree",
    "records/FileLock.ts": "empty files that stand for locks, in folders of the server's own",
    "sandbox/SandboxFind.ts": "the folder of this instance and a folder for a test command",
    "sandbox/SandboxLimits.ts": "reads its own limits in /proc",
    "push/PreReceive.ts": "the server's git hooks",
    "push/PushReceipts.ts": own,
    "forge/LocalRepositories.ts": "bare repositories, written by the server's git alone",
    "forge/GitTokens.ts": own,
    "sandbox/Sandbox.ts": "root file systems of running sandboxes, mounted read-only",
    "sandbox/SandboxBubblewrap.ts": "asks what /proc has",
    "sandbox/SandboxNamespaces.ts": "mount tables for the set-up",
    "sandbox/SandboxProcess.ts": "reads /proc",
    "sandbox/SandboxRoot.ts": "root file systems of running sandboxes, mounted read-only",
    "release/ServiceRunner.ts": "makes a folder with a short name for a service's home"
  },
  "runtime-node": {
    "Descriptors.ts": "reads which descriptors this process has",
    "Launch.ts": "the launch helper's socket folder",
    "LaunchHelper.ts": "the launch helper's socket folder"
  },
  git: {
    "Git.ts": "looks for programs on PATH",
    "GitBundle.ts": "bare repositories, written by the server's git alone",
    "GitGuard.ts": "bare repositories, written by the server's git alone",
    "GitLocks.ts": "bare repositories, written by the server's git alone",
    "GitMaintenance.ts": "bare repositories, written by the server's git alone",
    "GitRefs.ts": "bare repositories, written by the server's git alone",
    "mirror/Mirror.ts": "folders of mirrors, written by the server's git alone",
    "mirror/Remote.ts": "folders of mirrors, written by the server's git alone"
  },
  "adapter-agents": {
    "AgentRegistry.ts": "the file that RDEV_AGENTS names",
    "CommandHarness.ts": "looks for programs on PATH",
    "ScriptedHarness.ts": "files of the package itself"
  },
  "adapter-acme": { "PemFolder.ts": "the folder that the platform file names for certificates" },
  "adapter-gitea": {},
  server: {
    "data/DataDir.ts": "the data folder itself",
    "data/InstallationSecrets.ts": own,
    "installation/Packages.ts": "package.json and entries of adapters",
    "installation/Platform.ts": "the platform file",
    "installation/Probe.ts": "a folder that is thrown away",
    "installation/SecretRefs.ts": "files that the platform file names as secrets",
    "TemplatesDisk.ts": "templates of the package and of RDEV_TEMPLATES",
    "TreeCatalogue.ts": "trees of the package itself",
    "keys/KeyFiles.ts": own
  },
  core: {},
  api: {}
}

const touchesFiles =
  /(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*|getBuiltinModule\s*\(\s*)["'](?:node:)?fs(?:\/promises)?["']/
const typesOnly = /^import type [^;"']*?from\s*["'](?:node:)?fs(?:\/promises)?["'].*$/gm
/** Effect's own service for files would be a way around the list. */
const effectFiles = /\bFileSystem\b/

/** Problems of one source file; `path` is relative to the package's src. */
export const check = (name, path, text) => {
  const list = allowed[name]
  if (list === undefined || Object.hasOwn(list, path)) return []
  return touchesFiles.test(text.replaceAll(typesOnly, "")) || effectFiles.test(text)
    ? [
        `packages/${name}/src/${path}: touches the file system; enter trees that a sandbox could write by ConfinedFolder (adapter-local), or say in scripts/fileAccess.mjs what it touches`
      ]
    : []
}
/** Names on the list that no longer need it. */
export const stale = (name, texts) =>
  Object.keys(allowed[name] ?? {})
    .filter((path) => !touchesFiles.test((texts.get(path) ?? "").replaceAll(typesOnly, "")))
    .map(
      (path) =>
        `scripts/fileAccess.mjs: packages/${name}/src/${path} does not touch the file system (any more); remove it from the list`
    )
