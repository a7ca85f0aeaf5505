/** `sdlc doctor` and `sdlc keys`: is everything as it should be, and a key to sign with. */
import { closeSync, openSync, writeSync } from "node:fs"
import { resolve } from "node:path"
import { createPublicKey } from "node:crypto"
import * as Render from "../../render/Render.ts"
import * as Disk from "../../repo/Disk.ts"
import * as Layout from "../../repo/Layout.ts"
import * as Repo from "../../repo/Repo.ts"
import { stateOf } from "../../repo/State.ts"
import * as Trust from "../../repo/Trust.ts"
import type { Args } from "../Args.ts"
import { exit, Failure } from "../Failure.ts"
import * as Git from "../Git.ts"
import * as Identity from "../Identity.ts"
import { done, type Result } from "../Result.ts"
import type * as Session from "../Session.ts"
import { rendered } from "./Setup.ts"

export const spec = { positionals: [], flags: {} } as const

interface Check {
  readonly name: string
  readonly status: "ok" | "warn" | "fail" | "corrupt"
  readonly detail: string
  readonly fix?: string
}

const ok = (name: string, detail: string): Check => ({ name, status: "ok", detail })
const bad = (name: string, status: "warn" | "fail" | "corrupt", detail: string, fix: string): Check => ({
  name,
  status,
  detail,
  fix
})

const node = (): Check => {
  const major = Number(process.versions.node.split(".")[0])
  return major >= 22
    ? ok("node", process.versions.node)
    : bad("node", "fail", process.versions.node, "use Node 22 or newer.")
}

/** merge-tree, which tells a conflict without touching the work tree, came with git 2.38. */
const git = (root: string): Check => {
  const version = Git.version(root)
  if (version === null) return bad("git", "fail", "not found", "install git.")
  const [major = 0, minor = 0] = version.split(".").map(Number)
  return major > 2 || (major === 2 && minor >= 38)
    ? ok("git", version)
    : bad("git", "warn", version, "use git 2.38 or newer; conflicts with the base are not seen otherwise.")
}

const policy = (root: string): ReadonlyArray<Check> => {
  const { errors, policy: found } = Repo.loadPolicy(Disk.readPaths(root, [Layout.policyPath]))
  if (errors[0] !== undefined)
    return [bad("policy", "corrupt", `${errors[0].file}: ${errors[0].problem}`, errors[0].fix ?? "")]
  const keys = found.keyring.filter((entry) => {
    try {
      return (
        createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: entry.ed25519 }, format: "jwk" }).asymmetricKeyType !==
        "ed25519"
      )
    } catch {
      return true
    }
  })
  const asked = Object.entries(found.gates).filter(([, mode]) => mode !== "off").length
  return [
    ok("policy", `${asked} of ${Object.keys(found.gates).length} gates asked`),
    keys.length === 0
      ? ok("keyring", found.keyring.length === 0 ? "none: signatures are not asked" : `${found.keyring.length} keys`)
      : bad(
          "keyring",
          "fail",
          `no Ed25519 public key: ${keys.map((entry) => entry.id).join(", ")}`,
          "write the raw public key, base64url, as sdlc keys prints it."
        )
  ]
}

const feature = (root: string, slug: string): ReadonlyArray<Check> => {
  const loaded = Repo.load(Disk.readFeature(root, slug), slug)
  const own = loaded.errors.filter((error) => error.file !== Layout.policyPath)
  const name = `feature ${slug}`
  const untrusted = loaded.warnings.map((warning) =>
    bad(name, "warn", `${warning.file} ${warning.problem}`, warning.fix ?? "")
  )
  if (own.length > 0)
    return [
      ...own.map((error) => bad(name, "corrupt", `${error.file}: ${error.problem}`, error.fix ?? "")),
      ...untrusted
    ]
  const state = stateOf(loaded)
  if (state.integrity.length > 0 && loaded.errors.length === 0)
    return state.integrity.map((error) => bad(name, "corrupt", `${error.file}: ${error.problem}`, error.fix ?? ""))
  const lost = loaded.events.filter(
    (event) => event.type === "task-verified" && !loaded.evidence.includes(event.data.evidence)
  )
  return [
    ok(name, `${state.phase}, ${loaded.events.length} events, ${loaded.evidence.length} pieces of evidence`),
    ...lost.map((event) =>
      bad(name, "warn", `the evidence of ${event.id} is not at hand`, "restore it from git, or verify the task again.")
    ),
    ...untrusted
  ]
}

const commands = (root: string): Check => {
  const present = Render.harnesses.filter(
    (harness) =>
      Disk.readPaths(
        root,
        Render.render(harness).map((file) => file.path)
      ).size > 0
  )
  if (present.length === 0) return bad("agent commands", "warn", "not rendered", "run sdlc render.")
  const stale = rendered(root, present)
  return stale.length === 0
    ? ok("agent commands", present.join(", "))
    : bad(
        "agent commands",
        "warn",
        `out of date: ${stale
          .map((file) => file.path)
          .slice(0, 3)
          .join(", ")}`,
        "run sdlc render."
      )
}

const ignored = (root: string): Check => {
  const content = Disk.readPaths(root, [Layout.ignorePath]).get(Layout.ignorePath)
  return content !== undefined &&
    Buffer.from(content)
      .toString("utf8")
      .split(/\r\n|\r|\n/)
      .some((line) => /^\/?cache\/?\s*$/.test(line))
    ? ok("cache", "ignored by git")
    : bad("cache", "warn", `${Layout.ignorePath} does not ignore cache/`, "run sdlc init.")
}

/** Folders that no command sees, because their name can be no feature's. */
const strayed = (root: string): ReadonlyArray<Check> =>
  Disk.listStrayed(root).map(({ name, slug }) =>
    bad(
      "features",
      "warn",
      `${Layout.featuresDir}${name} is no feature: its name is not lower-case letters, digits and hyphens`,
      slug === null
        ? "rename it, or move it elsewhere."
        : `git mv ${Layout.featuresDir}${name} ${Layout.featuresDir}${slug} (the name in its feature.yaml).`
    )
  )

const attempt = (name: string, check: () => ReadonlyArray<Check>): ReadonlyArray<Check> => {
  try {
    return check()
  } catch (cause) {
    if (cause instanceof Failure) return [bad(name, "fail", cause.message, cause.fix)]
    throw cause
  }
}

const marks = { ok: "ok     ", warn: "warning", fail: "failed ", corrupt: "corrupt" } as const

export const run = (session: Session.Session, _args: Args): Result => {
  const { root, env } = session
  const checks = [
    node(),
    ...attempt("git", () => [git(root)]),
    ...policy(root),
    ...attempt("identity", () => {
      const who = Identity.current(env, root)
      return [ok("identity", `${who.type} ${who.id}`)]
    }),
    ignored(root),
    ...attempt("agent commands", () => [commands(root)]),
    ...strayed(root),
    ...Disk.listFeatures(root).flatMap((slug) => feature(root, slug))
  ]
  const code = checks.some((check) => check.status === "corrupt")
    ? exit.corrupt
    : checks.some((check) => check.status === "fail")
      ? exit.failed
      : exit.action
  const text = checks
    .map(
      (check) =>
        `${marks[check.status]}  ${check.name}: ${check.detail}${check.fix === undefined ? "" : `\n           fix: ${check.fix}`}`
    )
    .join("\n")
  return done(text, { checks }, code)
}

export const keysSpec = { positionals: ["verb"], flags: { id: "value", out: "value", principal: "values" } } as const

export const keys = (session: Session.Session, args: Args): Result => {
  if (args.positionals[0] !== "new")
    throw new Failure(
      `keys: "${args.positionals[0] ?? ""}" is not known.`,
      "write sdlc keys new --id <name> --out <file>."
    )
  const id = args.value("id")
  const out = args.value("out")
  if (id === undefined || id === "") throw new Failure("--id: it is missing.", "name the key, such as --id ada.")
  if (out === undefined || out === "") throw new Failure("--out: it is missing.", "name a file outside the repository.")
  const path = resolve(session.cwd, out)
  if (path === session.root || path.startsWith(`${session.root}/`))
    throw new Failure(`--out: ${out} lies in the repository.`, "keep private keys outside of it.")
  const pair = Trust.generate()
  try {
    const file = openSync(path, "wx", 0o600)
    writeSync(file, pair.privatePem)
    closeSync(file)
  } catch (cause) {
    throw new Failure(
      `--out: ${cause instanceof Error ? cause.message : String(cause)}.`,
      "name a new file in an existing folder."
    )
  }
  const principals = args.values("principal")
  const entry = { id, ed25519: pair.publicKey, ...(principals.length === 0 ? {} : { principals }) }
  const yaml = [
    `keyring:`,
    `  - id: ${JSON.stringify(id)}`,
    `    ed25519: ${pair.publicKey}`,
    ...(principals.length === 0 ? [] : [`    principals: ${JSON.stringify(principals)}`])
  ].join("\n")
  return done(`wrote ${path} (keep it secret; SDLC_SIGNING_KEY=${path})\nadd to ${Layout.policyPath}:\n${yaml}`, {
    privateKeyFile: path,
    entry
  })
}
