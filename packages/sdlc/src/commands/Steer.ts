/** Commands that find out what is due: next, run, status, import. */
import type { Command } from "./Command.ts"

const next: Command = {
  id: "next",
  summary: "Carry out the one next step of a feature and stop. Use it to continue work on a feature.",
  args: "[feature]",
  handles: [],
  reads: [".sdlc/**"],
  writes: ["**"],
  caps: ["sdlc", "read", "write", "shell", "git"],
  invoke: "model",
  fresh: false,
  body: `1. Run \`sdlc next {{args.feature}} --json\`. It names the action, who acts, why, and the command that handles it.
2. Exit code 0 and \`actor\` agent: follow the skill or command \`sdlc-<command>\` for exactly this action. If \`taskId\` or \`batch\` is given, work on that and nothing else.
3. Exit code 0 and \`actor\` platform: leave it to the platform. On a machine without one, run \`sdlc apply {{args.feature}}\`, which takes that single step.
4. Exit code 10: something outside is awaited. Say what, and stop.
5. Exit code 20: a person has to decide. Say which decision, quote the reason, and stop. Never give the verdict yourself.
6. Exit code 30: the feature is done. Exit code 3: the state is corrupt; report the files it names and do not repair them by hand.
7. When the step is recorded, run \`sdlc next {{args.feature}}\` once more, report what is due now, and stop.`
}

const run: Command = {
  id: "run",
  summary:
    "Carry out the steps of a feature one after another until something outside is awaited, a person has to decide, or it is done.",
  args: "[feature]",
  handles: [],
  reads: [".sdlc/**"],
  writes: ["**"],
  caps: ["sdlc", "read", "write", "shell", "git"],
  invoke: "user",
  fresh: false,
  body: `Repeat what \`sdlc-next\` describes until \`sdlc next {{args.feature}}\` exits with 10, 20, 30 or 3.

- Start each round from \`sdlc next {{args.feature}} --json\`; never from memory of the round before.
- Commit after each step that changed code, with a message that says what and why.
- Stop when the same rule comes back with the same subjects: run \`sdlc why {{args.feature}}\`, report what it says, and do not try a third time.
- End with a transcript: one line per step with its rule, its action and its result, then what is awaited and from whom.`
}

const status: Command = {
  id: "status",
  summary: "Show where a feature stands and why. Changes nothing.",
  args: "[feature]",
  handles: [],
  reads: [".sdlc/**"],
  writes: [],
  caps: ["sdlc", "read"],
  invoke: "model",
  fresh: false,
  body: `1. \`sdlc features\` lists all features; \`sdlc status {{args.feature}}\` shows one: phase, documents, tasks, open points.
2. \`sdlc why {{args.feature}}\` gives the rule behind the next step and the facts it read. \`sdlc why-not <action> {{args.feature}}\` names what stands in the way of another step. \`sdlc explain {{args.feature}}\` lists what is left until the release.
3. Report in a few lines: phase, next step and who takes it, what is blocked and by what. Quote reasons as the tool gives them. Do not change anything.`
}

const adopt: Command = {
  id: "import",
  summary:
    "Adopt specs of another tool (spec-kit, OpenSpec, Kiro, Task Master, BMAD, older manifests) as features, leaving their files in place.",
  args: "[path]",
  handles: [],
  reads: ["specs/**", "openspec/**", ".kiro/**", ".taskmaster/**", "docs/stories/**", ".sdlc/**"],
  writes: [".sdlc/features/**"],
  caps: ["sdlc", "read", "write"],
  invoke: "model",
  fresh: false,
  body: `1. \`sdlc import --list\` shows what can be adopted. Show the list to the person if there is more than what they named.
2. \`sdlc import {{args.feature}}\` adopts it. The foreign files stay where they are and stay the source; add \`--copy\` only if the person wants our own documents instead.
3. Approvals of the other tool arrive as submissions and ticked boxes as claims, because neither says who approved which version. Tell the person so.
4. \`sdlc lint <feature>\` for each new feature; report errors with file and line. Do not edit foreign files to silence warnings.`
}

export const steer: ReadonlyArray<Command> = [next, run, status, adopt]
