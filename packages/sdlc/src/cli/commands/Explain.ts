/** `sdlc why`, `why-not`, `explain`, `graph`, `sim`, `replay`, `diff`: the engine's explanations, printed. */
import { readFileSync } from "node:fs"
import { resolve } from "node:path"
import { classify } from "../../classify/Classify.ts"
import { ruleOf } from "../../classify/Table.ts"
import * as Graph from "../../explain/Graph.ts"
import { path, pathFrom, type Play, simulate, type Step } from "../../explain/Path.ts"
import * as Replay from "../../explain/Replay.ts"
import * as Why from "../../explain/Why.ts"
import { type ChangedSince, listed, sentence, sentences } from "../../explain/Words.ts"
import { decide } from "../../derive/Decide.ts"
import { factDomains, type FactName, factNames, type Facts } from "../../model/Facts.ts"
import type { FeatureState } from "../../model/FeatureState.ts"
import { own } from "../../model/Own.ts"
import { phaseIndex } from "../../model/Phase.ts"
import { policyFor } from "../../model/Presets.ts"
import * as Decode from "../../repo/Decode.ts"
import * as Disk from "../../repo/Disk.ts"
import * as PolicyFile from "../../repo/PolicyFile.ts"
import * as Repo from "../../repo/Repo.ts"
import { type Args, nearest, oneOf } from "../Args.ts"
import { exit, Failure } from "../Failure.ts"
import { done, type Result, table } from "../Result.ts"
import * as Session from "../Session.ts"
import { since } from "../Since.ts"
import * as Specs from "../Specs.ts"
import { jsonOf, line, options } from "./Next.ts"

export const whySpec = {
  positionals: ["feature?"],
  flags: { head: "value", base: "value", gates: "flag", facts: "flag" }
} as const

const shown = (reads: ReadonlyArray<{ readonly fact: string; readonly value: unknown }>): string =>
  reads.map((read) => `${read.fact}=${String(read.value)}`).join(", ")

/** Digests at a length that people can compare. */
const shortly = (text: string): string =>
  text.replace(
    /\b([a-z][a-z0-9]*:)?([0-9a-f]{16,128})\b/g,
    (_whole, scheme: string | undefined, digits: string) => `${scheme ?? ""}${digits.slice(0, 10)}`
  )

/** The two or three facts that decide, in sentences: those that the rule tests first, then those of the gates that hold the feature back. */
const because = (session: Session.Session, state: FeatureState, found: Why.Why): ReadonlyArray<string> => {
  const { head } = state.observed
  const changed: ChangedSince = (tree, sha) =>
    head === undefined
      ? null
      : since(session.root, head.sha, tree, sha, sha === undefined ? undefined : own(head.since, sha))
  const decisive = found.facts.filter((one) => one.decisive && one.fact !== "phase")
  const gate = found.gates.find((one) => one.phase === (found.floor ?? state.phase))
  const holding = found.decision.kind === "move" && found.floor !== undefined ? (gate?.facts ?? []) : []
  return sentences(state, [...holding.toReversed(), ...decisive.toReversed()], changed)
}

export const why = (session: Session.Session, args: Args): Result => {
  const { decision, loaded, state } = Session.view(session, Session.inspectArg(session, args, 0), options(args))
  const found = Why.why(state, loaded.policy, session.now)
  const ordered = found.facts.toSorted((a, b) => Number(b.decisive) - Number(a.decisive))
  const reasons = because(session, state, found)
  const overlaps = Specs.overlapsOf(session, loaded)
  const raw = [
    ...found.conditions.map((one) => `rule ${one.rule}: ${one.condition}`),
    "facts, and where they come from (* decides):",
    table(
      ordered.map((one) => [
        `${one.decisive ? "*" : " "} ${one.fact}`,
        String(one.value),
        one.sources.map(shortly).join(" ")
      ])
    ),
    `policy ${shortly(decision.policyRev)}, table ${shortly(decision.tableRev)}`
  ]
  const text = [
    line(decision),
    ...(reasons.length === 0 ? [] : ["because:", ...reasons.map((one) => `  - ${one}`)]),
    ...(args.has("facts") ? raw : []),
    ...(args.has("gates")
      ? [
          "gates:",
          table(
            found.gates.map((gate) => [
              `  ${gate.phase}`,
              gate.passage,
              gate.passage === "pass" ? "" : `${gate.condition} (${shown(gate.facts)})`
            ])
          )
        ]
      : []),
    ...loaded.errors.map((error) => `corrupt: ${error.file}: ${error.problem}\n  fix: ${error.fix ?? ""}`),
    ...loaded.warnings.map((warning) => `warning: ${warning.file} ${warning.problem}`),
    ...Specs.warningsOf(overlaps),
    ...(args.has("facts") ? [] : ["(--facts: the rule and every fact with its sources; --gates: every gate)"])
  ].join("\n")
  return done(
    text,
    {
      ...found,
      because: reasons,
      decision: jsonOf(decision),
      errors: loaded.errors,
      warnings: loaded.warnings,
      ...Specs.jsonOf(overlaps)
    },
    Session.codeOf(decision)
  )
}

export const whyNotSpec = { positionals: ["action", "feature?"], flags: { head: "value", base: "value" } } as const

/** Gates that do not let the feature through on its way to the nearest rule that could give the action. */
const gatesBetween = (
  facts: Facts,
  state: FeatureState,
  obstacles: ReadonlyArray<Why.Obstacle>
): ReadonlyArray<{ readonly gate: string; readonly passage: string; readonly says: ReadonlyArray<string> }> => {
  const targets = obstacles.flatMap((one) =>
    one.tag === "phase" && phaseIndex[one.phase] > phaseIndex[facts.phase] ? [phaseIndex[one.phase]] : []
  )
  const target = targets.length === 0 ? null : Math.min(...targets)
  return Why.gateStatuses(facts)
    .filter(
      (gate) =>
        target !== null &&
        phaseIndex[gate.phase] >= phaseIndex[facts.phase] &&
        phaseIndex[gate.phase] < target &&
        gate.passage !== "pass"
    )
    .map((gate) => {
      const last = gate.facts.at(-1)
      const said = last === undefined ? null : sentence(state, last.fact, last.value)
      return { gate: gate.phase, passage: gate.passage, says: said === null ? [`needs ${gate.condition}.`] : [said] }
    })
}

export const whyNot = (session: Session.Session, args: Args): Result => {
  const action = args.positionals[0] ?? ""
  if (!Why.actions.includes(action)) {
    const close = nearest(action, Why.actions)
    throw new Failure(
      `action: the table knows no "${action}".`,
      close === null
        ? `it knows ${Why.actions.slice(0, 6).join(", ")} and ${Why.actions.length - 6} more (sdlc graph --rules).`
        : `did you mean ${close}?`
    )
  }
  const { decision, facts, state } = Session.intact(session, Session.inspectArg(session, args, 1), {
    whole: true,
    ...options(args)
  })
  const obstacles = Why.whyNot(facts, action)
  const between = gatesBetween(facts, state, obstacles)
  const text = [
    decision.action === action
      ? `${action} is the next step.`
      : `${action} is not the next step; ${decision.action} is [${decision.rule}].`,
    ...(between.length === 0
      ? []
      : [
          `Between here and there stand${between.length === 1 ? "s" : ""} ${between.length === 1 ? "the gate" : "the gates"} ${listed(
            between.map((gate) => gate.gate),
            9
          )}:`,
          ...between.map((gate) => `  ${gate.gate}: ${gate.says.join(" ")}`)
        ]),
    ...obstacles.map((one) => `  ${one.rule} (${one.condition}): ${one.because}`)
  ].join("\n")
  return done(text, { action, due: decision.action === action, gates: between, obstacles, next: jsonOf(decision) })
}

export const explainSpec = { positionals: ["feature?"], flags: { head: "value", base: "value" } } as const

const stepRows = (steps: ReadonlyArray<Step>): string =>
  table(
    steps.map((step, index) => [
      `${String(index + 1).padStart(3)}`,
      step.phase,
      step.action,
      step.actor,
      step.kind === "done" ? "" : step.outcome
    ])
  )

export const explain = (session: Session.Session, args: Args): Result => {
  const { decision, loaded, state } = Session.intact(session, Session.inspectArg(session, args, 0), {
    whole: true,
    ...options(args)
  })
  const steps = path(state, loaded.policy, session.now)
  const people = steps.filter((step) => step.actor === "human" || step.kind === "approve").length
  return done(
    [
      line(decision),
      `${steps.length} steps to the end if each succeeds, ${people} of them decisions:`,
      stepRows(steps)
    ].join("\n"),
    { steps, next: jsonOf(decision) }
  )
}

export const graphSpec = { positionals: ["feature?"], flags: { rules: "flag", history: "flag" } } as const

export const graph = (session: Session.Session, args: Args): Result => {
  if (args.has("rules") && args.has("history"))
    throw new Failure("--rules and --history: both are given.", "give one of them.")
  if (args.has("rules")) return done(Graph.rulesGraph(), { mermaid: Graph.rulesGraph() })
  const { state } = Session.intact(session, Session.inspectArg(session, args, 0))
  const mermaid = Graph.historyGraph(state)
  return done(mermaid, { mermaid })
}

export const simSpec = {
  positionals: ["feature?"],
  flags: { set: "values", plays: "value", seed: "value", setbacks: "value", disturbances: "value", steps: "value" }
} as const

const numberOf = (args: Args, flag: string, fallback: number, least: number, most: number): number => {
  const text = args.value(flag)
  if (text === undefined) return fallback
  const value = Number(text)
  if (text.trim() === "" || !Number.isFinite(value) || value < least || value > most)
    throw new Failure(`--${flag}: "${text}" is not a number from ${least} to ${most}.`, `write --${flag} ${fallback}.`)
  return value
}

/** `fact=value`, checked against the fact's domain. */
const settings = (values: ReadonlyArray<string>): Partial<Facts> =>
  Object.fromEntries(
    values.map((text) => {
      const at = text.indexOf("=")
      const fact: FactName = oneOf("--set", at < 0 ? text : text.slice(0, at), factNames)
      const domain: ReadonlyArray<string | boolean> = factDomains[fact]
      const hit = domain.find((value) => String(value) === text.slice(at + 1))
      if (at < 0 || hit === undefined)
        throw new Failure(`--set: "${text}" names no value of ${fact}.`, `write ${fact}=<${domain.join("|")}>.`)
      return [fact, hit] as const
    })
  )

const doers: Readonly<Record<Step["actor"], string>> = {
  agent: "an agent",
  human: "a person",
  platform: "the platform",
  policy: "whoever the policy names"
}

/** The steps as a tale, one line per phase: who does what, and what comes of it. */
const story = (steps: ReadonlyArray<Step>): ReadonlyArray<string> => {
  const chapters: Array<{ readonly phase: string; readonly told: Array<string> }> = []
  for (const step of steps) {
    const last = chapters.at(-1)
    const told =
      step.kind === "done"
        ? step.phase === "released"
          ? "it is released"
          : "it is over"
        : step.kind === "move"
          ? "it moves on"
          : `${doers[step.actor]} takes ${step.action} (${step.outcome})`
    if (last?.phase === step.phase) last.told.push(told)
    else chapters.push({ phase: step.phase, told: [told] })
  }
  return ["If every step succeeds:", ...chapters.map((chapter) => `  ${chapter.phase}: ${chapter.told.join("; ")}.`)]
}

const median = (numbers: ReadonlyArray<number>): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0

export const sim = (session: Session.Session, args: Args): Result => {
  const { facts, loaded, state } = Session.intact(session, Session.featureArg(session, args, 0), { whole: true })
  const policy = policyFor(loaded.policy, state.feature)
  const changed: Facts = { ...facts, ...settings(args.values("set")) }
  const plays = numberOf(args, "plays", 0, 0, 10_000)
  if (plays === 0) {
    const steps = pathFrom(changed, policy)
    const decision = classify(changed)
    const asked = args.values("set").map((text) => text.replace("=", " were "))
    const opening = `${asked.length === 0 ? `${state.feature.slug} is in ${changed.phase}. Next` : `If ${listed(asked, 9)}, next`} would come ${decision.action}, by ${doers[decision.actor]} [${decision.rule}: ${ruleOf(decision.rule)?.condition ?? ""}].`
    return done([opening, ...story(steps)].join("\n"), { facts: changed, decision, steps })
  }
  const seed = numberOf(args, "seed", 1, 0, 2 ** 31)
  const shared = {
    policy,
    setbacks: numberOf(args, "setbacks", 0.2, 0, 1),
    disturbances: numberOf(args, "disturbances", 0.05, 0, 1),
    most: numberOf(args, "steps", 500, 1, 10_000),
    from: changed
  }
  const all = Array.from({ length: plays }, (_, index): Play => simulate({ ...shared, seed: seed + index }))
  const ends = Object.fromEntries(
    (["released", "archived", "unfinished"] as const).map((end) => [end, all.filter((play) => play.end === end).length])
  )
  const summary = {
    plays,
    seed,
    ends,
    steps: median(all.map((play) => play.steps.length)),
    people: median(all.map((play) => play.people)),
    setbacks: median(all.map((play) => play.setbacks))
  }
  const lines = [
    `Of ${plays} plays (seed ${seed}), ${ends["released"]} end released, ${ends["archived"]} archived and ${ends["unfinished"]} unfinished.`,
    `The one in the middle takes ${summary.steps} steps, asks people ${summary.people} times and meets ${summary.setbacks} setbacks.`
  ]
  return done(lines.join("\n"), summary)
}

export const replaySpec = { positionals: ["feature?"], flags: { at: "value" } } as const

export const replay = (session: Session.Session, args: Args): Result => {
  const { loaded } = Session.intact(session, Session.inspectArg(session, args, 0))
  const at = args.value("at")
  if (at === undefined) {
    const moments = Replay.history(loaded.events, loaded.policy)
    return done(
      table(
        moments.map((one) => [
          one.at,
          one.type,
          `[${one.decision.phase}]`,
          `${one.decision.action} (${one.decision.rule})`
        ])
      ),
      { moments: moments.map((one) => ({ ...one, decision: jsonOf(one.decision) })) }
    )
  }
  const state = Replay.replayAt(loaded.events, at)
  if (state === undefined)
    throw new Failure(
      `--at: "${at}" is neither an event of the feature nor a time after its creation.`,
      "write an event id, or a time such as 2030-01-02T03:04:05Z."
    )
  const decision = decide(state, loaded.policy, Number.isNaN(Date.parse(at)) ? session.now : Date.parse(at))
  const tasks = state.tasks.map((task) => `  ${task.id} ${task.status}`)
  return done([line(decision), ...tasks].join("\n"), {
    at,
    phase: state.phase,
    lifecycle: state.lifecycle,
    tasks: state.tasks,
    decision: jsonOf(decision)
  })
}

export const diffSpec = {
  positionals: ["feature..."],
  flags: { policy: "value", rules: "flag", vectors: "value" }
} as const

const read = (session: Session.Session, flag: string, path_: string): string => {
  try {
    return readFileSync(resolve(session.cwd, path_), "utf8")
  } catch (cause) {
    throw new Failure(
      `--${flag}: ${path_}: ${cause instanceof Error ? cause.message : String(cause)}.`,
      "name an existing file."
    )
  }
}

const essence = (one: Replay.Difference["before"]): string =>
  `${one.action} (${one.rule}${one.via === undefined ? "" : ` guarding ${one.via}`})`

const vectors = (session: Session.Session, file: string): Result => {
  const parsed = Decode.json(read(session, "vectors", file))
  const cases =
    parsed._tag === "Ok" ? (parsed.value as { readonly cases?: unknown; readonly initial?: unknown } | null) : null
  if (parsed._tag === "Bad" || typeof cases?.initial !== "object" || !Array.isArray(cases.cases))
    throw new Failure(
      `--vectors: ${file} is no vector file${parsed._tag === "Bad" ? ` (${parsed.problem})` : ""}.`,
      "use the file of a release, vectors/classify.json."
    )
  const found = Replay.diffVectors(cases as Parameters<typeof Replay.diffVectors>[0], classify)
  return done(
    found.length === 0
      ? "The table decides as that release did."
      : table(found.map((one) => [one.name, essence(one.before), "\u2192", essence(one.after)])),
    { differences: found },
    found.length === 0 ? exit.action : exit.failed
  )
}

/** Past decisions that another policy, or the rules as they are now, would have made otherwise. */
export const diff = (session: Session.Session, args: Args): Result => {
  const file = args.value("vectors")
  if (file !== undefined) return vectors(session, file)
  const policyFile = args.value("policy")
  if (policyFile === undefined && !args.has("rules"))
    throw new Failure(
      "--policy: nothing to compare with.",
      "give --policy <file>, --rules (the moves as recorded) or --vectors <file>."
    )
  const parsed = policyFile === undefined ? undefined : PolicyFile.parse(read(session, "policy", policyFile))
  if (parsed?._tag === "Bad")
    throw new Failure(`--policy: ${policyFile ?? ""}: ${parsed.problem}.`, PolicyFile.fixFor(parsed.problem))
  const slugs =
    args.positionals.length > 0
      ? args.positionals.map((name) => Session.slugOf(session, name))
      : Disk.listFeatures(session.root)
  const found = slugs.map((slug) => {
    const loaded = Repo.load(Disk.readFeature(session.root, slug), slug)
    if (loaded.integrity === "corrupt")
      throw new Failure(
        `${loaded.errors[0]?.file ?? slug}: ${loaded.errors[0]?.problem ?? ""}.`,
        loaded.errors[0]?.fix ?? "",
        exit.corrupt
      )
    return {
      feature: slug,
      differences:
        parsed === undefined
          ? Replay.diffRecorded(loaded.events, loaded.policy)
          : Replay.diffPolicies(loaded.events, loaded.policy, parsed.value)
    }
  })
  const rows = found.flatMap((one) =>
    one.differences.map((difference) => [
      one.feature,
      difference.at,
      essence(difference.before),
      "\u2192",
      essence(difference.after)
    ])
  )
  return done(
    rows.length === 0 ? "No past decision would have been another." : table(rows),
    { features: found },
    rows.length === 0 ? exit.action : exit.failed
  )
}
