/** Commands that write the documents of a feature: specify, clarify, design, tasks, qa-plan. */
import { authoring, type Command, feature } from "./Command.ts"

const life = (
  kind: string
): string => `Which of these is due stands in \`sdlc next {{args.feature}} --json\` under \`action\`:

- **create-${kind}**: write the document.
- **fix-${kind}**: run \`sdlc lint {{args.feature}}\` and repair every error it names with file and line.
- **revise-${kind}**: read the rejection (\`sdlc why {{args.feature}}\`), change what it asks for, and nothing else.
- **reconcile-${kind}**: it changed after its approval, or something it builds on did. Bring it in line with what it builds on; keep what still holds.
- **submit-${kind}**: read it once more as its reviewer would, then run the submission below.

When \`sdlc lint {{args.feature}}\` shows no errors: \`sdlc submit ${kind} {{args.feature}}\`. Approval is another's; stop there.`

const specify: Command = {
  id: "specify",
  summary: "Write, repair or submit the spec of a feature: requirements in EARS form with scenarios.",
  args: "[feature]",
  handles: authoring("spec"),
  reads: [`${feature}/**`, ".sdlc/specs/**"],
  writes: [`${feature}/spec.md`],
  caps: ["sdlc", "read", "write"],
  invoke: "model",
  fresh: false,
  body: `The spec says what is wanted and how anybody can see that it is there. It does not say how it is built.

Read the idea (title of \`feature.yaml\`, whatever the person said) and the living specs under \`.sdlc/specs/\`. Write \`${feature}/spec.md\`:

\`\`\`markdown
---
sdlc: { v: 1, kind: spec }
---
# <title>
Why it is wanted, in two or three sentences. What is out of scope.

### REQ-001: <short name>
When <trigger>, the <system> shall <one observable response>.

#### SC-001: <short name>
- Given <state>
- When <event>
- Then <what can be seen>
\`\`\`

- One sentence per requirement, in one of these forms: \`The <system> shall …\`, \`When …, the <system> shall …\`, \`While …, the <system> shall …\`, \`If …, then the <system> shall …\`, \`Where …, the <system> shall …\`.
- Every requirement has at least one scenario, and the failures people will meet have theirs. Numbers, limits and times are written out.
- What changes a requirement of a living spec stands below \`## MODIFIED Requirements: <capability>\`, with the header as it stands there and the whole new text; likewise \`## ADDED Requirements: <capability>\` and \`## REMOVED Requirements: <capability>\` (headers alone), and \`## RENAMED Requirements: <capability>\` with the lines \`- FROM: <old name>\` and \`- TO: <new name>\`. The submission refuses headers that no living spec has, and names other open features that touch the same.
- Ids are never reused. What you do not know stands as \`[NEEDS CLARIFICATION: question]\`, not as a guess.

${life("spec")}`
}

const clarify: Command = {
  id: "clarify",
  summary: "Ask a person the open questions of a document and write the answers into it.",
  args: "[feature]",
  handles: ["clarify-spec", "clarify-design", "clarify-tasks", "clarify-qa-plan"],
  reads: [`${feature}/**`],
  writes: [`${feature}/*.md`],
  caps: ["sdlc", "read", "write"],
  invoke: "model",
  fresh: false,
  body: `This needs a person in the conversation. Without one, list the questions and stop.

1. \`sdlc lint {{args.feature}} --json\` lists every \`[NEEDS CLARIFICATION: …]\` with file and line.
2. Ask one question at a time, the most consequential first. Offer two or three concrete answers and say which you would take and why.
3. Replace the mark by the answer, stated as a requirement or a decision. If an answer opens a new question, mark that.
4. An answer that changes other places changes them too. Then run \`sdlc lint {{args.feature}}\`.
5. Report which questions are settled, and by whom.`
}

const design: Command = {
  id: "design",
  summary: "Write, repair or submit the design of a feature from its approved spec.",
  args: "[feature]",
  handles: authoring("design"),
  reads: [`${feature}/spec.md`, "**"],
  writes: [`${feature}/design.md`],
  caps: ["sdlc", "read", "write"],
  invoke: "model",
  fresh: false,
  body: `The design says how the spec is met, in this code base as it is. Read the approved spec and the code it touches first; name files and functions that exist.

Write \`${feature}/design.md\` (front matter \`sdlc: { v: 1, kind: design }\`) with:

- the approach, and one alternative with the reason against it;
- what changes where: modules, data, interfaces, each with the requirement it serves (\`REQ-001\`): every requirement is mentioned;
- what can go wrong: failure, concurrency, migration, security, and what happens then;
- how it is tested, and what is deliberately left out.

As short as a reviewer needs to say yes or no. Open points stand as \`[NEEDS CLARIFICATION: question]\`.

${life("design")}`
}

const tasks: Command = {
  id: "tasks",
  summary: "Write, repair or submit the task plan of a feature: a graph of small, verifiable tasks.",
  args: "[feature]",
  handles: authoring("tasks"),
  reads: [`${feature}/spec.md`, `${feature}/design.md`, "**"],
  writes: [`${feature}/tasks.md`],
  caps: ["sdlc", "read", "write"],
  invoke: "model",
  fresh: false,
  body: `Write \`${feature}/tasks.md\` (front matter \`sdlc: { v: 1, kind: tasks }\`):

\`\`\`markdown
## task-001: <what it delivers>
- covers: REQ-001
- depends: none
- writes: src/greeting/**, test/greeting/**
- verify: \`npm test\`
What to do, in a few sentences: enough for somebody who has read the spec and the design.
\`\`\`

- A task is one commit that leaves the build green. Every requirement is covered by a task; no task covers nothing.
- \`verify\` holds commands that exit 0 only when the task is done, and that exist in this repository or are created by the task.
- \`writes\` are globs. Tasks with disjoint globs and no dependency run side by side, so keep them narrow and true.
- Dependencies are real needs, not a preferred order. No cycles.
- Boxes mean nothing here: status is recorded by \`sdlc task\`.

${life("tasks")}`
}

const qaPlan: Command = {
  id: "qa-plan",
  summary: "Write, repair or submit the QA plan of a feature: how each scenario is checked.",
  args: "[feature]",
  handles: authoring("qa-plan"),
  reads: [`${feature}/**`],
  writes: [`${feature}/qa-plan.md`],
  caps: ["sdlc", "read", "write"],
  invoke: "model",
  fresh: false,
  body: `Write \`${feature}/qa-plan.md\` (front matter \`sdlc: { v: 1, kind: qa-plan }\`):

\`\`\`markdown
## QA-001: <what is shown>
- covers: SC-001
- run: \`npm test -- greeting\`
\`\`\`

- Every scenario of the spec is covered. A check is a command that exits 0 only if the scenario holds; where no command can tell, write \`- manual: <steps and what must be seen>\`.
- Check the behaviour from outside, as a user meets it, and the failure paths too. Do not repeat unit tests.
- Say what evidence each check leaves: output, a screenshot, a report.

${life("qa-plan")}`
}

export const plan: ReadonlyArray<Command> = [specify, clarify, design, tasks, qaPlan]
