/** `sdlc init` and `sdlc new`. */
import * as Disk from "../../repo/Disk.ts"
import * as Layout from "../../repo/Layout.ts"
import * as Repo from "../../repo/Repo.ts"
import * as Render from "../../render/Render.ts"
import { type Args, oneOf } from "../Args.ts"
import { Failure } from "../Failure.ts"
import * as Home from "../Home.ts"
import * as Identity from "../Identity.ts"
import { done, type Result } from "../Result.ts"
import * as Session from "../Session.ts"

export const initSpec = { positionals: [], flags: { agents: "values" } } as const

/** Harnesses out of `--agents claude,codex` (or all, none). */
export const harnesses = (values: ReadonlyArray<string>): ReadonlyArray<Render.Harness> => {
  const words = values
    .flatMap((value) => value.split(","))
    .map((word) => word.trim())
    .filter((word) => word !== "")
  if (words.includes("all")) return Render.harnesses
  if (words.includes("none")) return []
  return words.map((word) => oneOf("--agents", word, Render.harnesses))
}

/** Command files and the AGENTS.md block, where they differ from what is there. */
export const rendered = (root: string, wanted: ReadonlyArray<Render.Harness>): ReadonlyArray<Repo.Write> => {
  const files = wanted.flatMap((harness) => Render.render(harness))
  const existing = Disk.readPaths(root, ["AGENTS.md", ...files.map((file) => file.path)])
  const textOf = (path: string): string | undefined => {
    const content = existing.get(path)
    return content === undefined ? undefined : Buffer.from(content).toString("utf8")
  }
  const agents = Render.withAgentsBlock(textOf("AGENTS.md"))
  if (agents === null)
    throw new Failure(
      `AGENTS.md: the markers ${Render.begin} and ${Render.end} do not pair up.`,
      "repair or remove them."
    )
  return [...files, ...(wanted.length === 0 ? [] : [{ path: "AGENTS.md", content: agents }])].filter(
    (file) => textOf(file.path) !== file.content
  )
}

export const init = (session: Session.Session, args: Args): Result => {
  const wanted = harnesses(args.values("agents"))
  const branch = Home.requireNamed(session, null)
  const writes = [
    ...Repo.initProject(Disk.readPaths(session.root, [Layout.policyPath, Layout.ignorePath])),
    ...rendered(session.root, wanted)
  ]
  Session.write(session, branch, writes)
  const paths = writes.map((write) => write.path)
  const next =
    wanted.length === 0
      ? 'Next: sdlc new <feature> --title "…"; sdlc render adds the agent commands.'
      : 'Next: sdlc new <feature> --title "…"'
  return done(
    `${paths.length === 0 ? "Everything was there already." : paths.map((path) => `wrote ${path}`).join("\n")}\n${next}`,
    { written: paths }
  )
}

export const newSpec = {
  positionals: ["feature"],
  flags: { title: "value", kind: "value", preset: "value", dep: "values" }
} as const

export const create = (session: Session.Session, args: Args): Result => {
  const slug = args.positionals[0] ?? ""
  const kind = oneOf("--kind", args.value("kind") ?? "feature", ["feature", "bugfix", "refactor", "hotfix"])
  const tree = Disk.readFeature(session.root, slug)
  const { policy, errors } = Repo.loadPolicy(tree)
  if (errors[0] !== undefined) throw new Failure(`${errors[0].file}: ${errors[0].problem}.`, errors[0].fix ?? "", 3)
  const preset = args.value("preset")
  if (preset !== undefined) oneOf("--preset", preset, Object.keys(policy.presets))
  const deps = args
    .values("dep")
    .flatMap((value) => value.split(","))
    .filter((dep) => dep !== "")
  for (const dep of deps) Session.slugOf(session, dep)
  const actor = Identity.current(session.env, session.root)
  const signer = Identity.signer(session.env, policy, actor, "feature-created")
  const feature: Repo.NewFeature = {
    slug,
    title: args.value("title") ?? slug,
    kind,
    ...(preset === undefined ? {} : { preset }),
    ...(deps.length === 0 ? {} : { deps })
  }
  let created: ReturnType<typeof Repo.createFeature>
  try {
    created = Repo.createFeature(tree, feature, { ...signer, timeMillis: session.now, random: Session.randomness() })
  } catch (cause) {
    if (cause instanceof RangeError)
      throw new Failure(
        `${cause.message}.`,
        cause.message.includes("taken")
          ? "choose another name, or work on the existing feature."
          : "choose another name, such as user-login."
      )
    throw cause
  }
  Session.write(session, Home.requireNamed(session, slug), created.writes)
  return done(`created ${slug} (${kind})\nNext: sdlc next ${slug}`, {
    feature: slug,
    id: created.loaded.feature?.id,
    written: created.writes.map((write) => write.path)
  })
}
