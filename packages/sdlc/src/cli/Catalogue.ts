/** All commands of the tool with their arguments; loaded when a command other than the hot ones is asked for. */
import * as Apply from "./commands/Apply.ts"
import * as Control from "./commands/Control.ts"
import * as Documents from "./commands/Documents.ts"
import * as Explain from "./commands/Explain.ts"
import * as Gate from "./commands/Gate.ts"
import * as Doctor from "./commands/Doctor.ts"
import * as Import from "./commands/Import.ts"
import * as Mcp from "./commands/Mcp.ts"
import * as Record from "./commands/Record.ts"
import * as Render from "./commands/Render.ts"
import * as Show from "./commands/Show.ts"
import * as Setup from "./commands/Setup.ts"
import * as Status from "./commands/Status.ts"
import * as Tasks from "./commands/Tasks.ts"
import * as Verdicts from "./commands/Verdicts.ts"
import { version } from "./commands/Version.ts"
import { done } from "./Result.ts"
import type { Entry as Runnable } from "./RunEntry.ts"

export interface Entry extends Runnable {
  readonly summary: string
}

export const catalogue: Readonly<Record<string, Entry>> = {
  init: {
    spec: Setup.initSpec,
    summary: "prepare a repository (--agents all renders the agent commands)",
    run: Setup.init,
    without: "policy"
  },
  new: { spec: Setup.newSpec, summary: "create a feature", run: Setup.create },
  status: { spec: Status.statusSpec, summary: "where a feature stands", run: Status.status },
  show: {
    spec: Show.spec,
    summary: "a document as it is to be approved, or the feature's changes (show code)",
    run: Show.show
  },
  why: {
    spec: Explain.whySpec,
    summary: "why this step is next, in sentences (--facts: the rule and every fact; --gates: every gate)",
    run: Explain.why
  },
  "why-not": { spec: Explain.whyNotSpec, summary: "what stands in the way of another action", run: Explain.whyNot },
  explain: { spec: Explain.explainSpec, summary: "the way to the release from here", run: Explain.explain },
  graph: {
    spec: Explain.graphSpec,
    summary: "Mermaid: a feature's history, or the rules (--rules)",
    run: Explain.graph
  },
  sim: { spec: Explain.simSpec, summary: "what if: --set fact=value, or --plays <n> with setbacks", run: Explain.sim },
  replay: {
    spec: Explain.replaySpec,
    summary: "a feature's past decisions, or the state --at an event or time",
    run: Explain.replay
  },
  diff: {
    spec: Explain.diffSpec,
    summary: "past decisions that another --policy, or the rules of now, would change",
    run: Explain.diff
  },
  lint: { spec: Documents.lintSpec, summary: "check documents: file, line, fix", run: Documents.lint },
  submit: { spec: Documents.submitSpec, summary: "hand in a document for approval", run: Documents.submit },
  approve: { spec: Verdicts.spec, summary: "approve exactly what is there now", run: Verdicts.run("approve") },
  reject: { spec: Verdicts.spec, summary: "reject it, with a reason", run: Verdicts.run("reject") },
  waive: { spec: Verdicts.spec, summary: "do without a document, with a reason", run: Verdicts.run("waive") },
  task: { spec: Tasks.spec, summary: "list, add, start, claim, done, fail, block, unblock tasks", run: Tasks.run },
  record: {
    spec: Record.recordSpec,
    summary: "record what happened: review, audit, qa, ci, pr, merge, deploy-started, …",
    run: Record.record
  },
  thread: { spec: Record.threadSpec, summary: "list, open or resolve review threads", run: Record.thread },
  findings: { spec: Record.findingsSpec, summary: "findings on the present code", run: Record.findings },
  dispose: {
    spec: Record.disposeSpec,
    summary: "say what becomes of a finding: fix, track, accept, false-positive",
    run: Record.dispose
  },
  evidence: { spec: Record.evidenceSpec, summary: "attach proof to a QA check, or list it", run: Record.evidence },
  qa: { spec: Record.qaSpec, summary: "run the QA plan and record results with evidence", run: Record.qa },
  apply: {
    spec: Apply.spec,
    summary: "take the platform's step on a machine without a platform (--all: as far as it goes)",
    run: Apply.run
  },
  gate: {
    spec: Gate.spec,
    summary: "may this phase be left; gate merge --head SHA: may this commit land (--facts: every fact that was read)",
    run: Gate.run
  },
  import: {
    spec: Import.spec,
    summary: "adopt specs of spec-kit, OpenSpec, Kiro, Task Master, BMAD or older manifests",
    run: Import.run
  },
  render: {
    spec: Render.spec,
    summary: "write the agent commands (--check: only compare; --sources -f <feature>: tick foreign boxes)",
    run: Render.run
  },
  doctor: { spec: Doctor.spec, summary: "is everything as it should be", run: Doctor.run },
  keys: {
    spec: Doctor.keysSpec,
    summary: "keys new --id <name> --out <file>: a key to sign verdicts with",
    run: Doctor.keys
  },
  mcp: { spec: Mcp.spec, summary: "serve the tool to agents over MCP (standard input and output)", run: Mcp.run },
  version: {
    spec: { positionals: [], flags: {} },
    summary: "version of the tool",
    run: () => done(version, { version }),
    without: "all"
  },
  pause: { spec: Control.lifeSpec, summary: "hold a feature", run: Control.life("pause") },
  resume: { spec: Control.lifeSpec, summary: "let it go on", run: Control.life("resume") },
  cancel: { spec: Control.lifeSpec, summary: "give it up", run: Control.life("cancel") },
  archive: { spec: Control.archiveSpec, summary: "move a finished feature to .sdlc/archive", run: Control.archive },
  block: { spec: Control.blockSpec, summary: "say what is missing before it can go on", run: Control.block },
  unblock: { spec: Control.unblockSpec, summary: "answer a blocker", run: Control.unblock },
  help: {
    spec: { positionals: ["command?"], flags: {} },
    summary: "help on a command",
    run: async (_session, args) => (await import("./Help.ts")).help(args.positionals[0]),
    without: "all"
  },
  completions: {
    spec: { positionals: ["shell"], flags: {} },
    summary: "completions for bash, zsh or fish",
    run: async (_session, args) => (await import("./Help.ts")).completions(args.positionals[0] ?? ""),
    without: "all"
  },
  answer: { spec: Control.answerSpec, summary: "answer an escalation", run: Control.answer }
}
