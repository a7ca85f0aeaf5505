/** Commands that change or judge code: implement, review, audit, qa, fix, ship. */
import { type Command, feature } from "./Command.ts"

const implement: Command = {
  id: "implement",
  summary: "Implement the task that is due (or its batch) and claim it; somebody else verifies it.",
  args: "[feature]",
  handles: ["implement-task", "retry-task", "wait-tasks"],
  reads: [`${feature}/**`, "**"],
  writes: ["**"],
  caps: ["sdlc", "read", "write", "shell", "git"],
  invoke: "model",
  fresh: false,
  body: `1. \`sdlc next {{args.feature}} --json\` gives \`taskId\`, and \`batch\` with tasks that may run beside it. Take \`taskId\` alone unless you were told to work on the batch.
2. \`sdlc task start <task> {{args.feature}}\`, then read the task, the requirements it covers and the design.
3. Write only below the task's \`writes\` globs. If that is not enough, stop: \`sdlc task block <task> {{args.feature}} --reason "<what is missing>"\`.
4. Tests come with the code and fail without it. Follow the conventions of the surrounding code.
5. **retry-task**: read why it failed (\`sdlc why {{args.feature}}\`) before touching anything, and say in the commit what was wrong.
6. Run the task's verify commands yourself. Commit. Then \`sdlc task claim <task> {{args.feature}}\`. A claim is your word; the platform runs the verify commands again and only that makes the task done.
7. If you cannot finish: \`sdlc task fail <task> {{args.feature}} --reason "<what happened>"\`. An honest failure costs an attempt; a false claim costs two.
8. **wait-tasks**: others are working. Stop.`
}

const review: Command = {
  id: "review",
  summary: "Review the code of a feature with fresh eyes and record the verdict. Not for the session that wrote it.",
  args: "[feature]",
  handles: ["review-code", "wait-review"],
  reads: [`${feature}/**`, "**"],
  writes: [],
  caps: ["sdlc", "read", "shell", "git"],
  invoke: "model",
  fresh: true,
  body: `You did not write this code. If you did, stop: the review would not count.

1. \`sdlc record review-started {{args.feature}}\`, then read the spec, the design and the whole patch (\`git diff <base>...HEAD\`).
2. Check claims against the code: each requirement is met, each scenario has a test that fails without the change, error paths behave, nothing beyond the tasks was changed.
3. Look for what breaks in use: wrong results, lost data, races, injection, leaks, unbounded work. Taste is not a finding.
4. Try what you doubt; run the tests.
5. Write a file outside the repository:

\`\`\`json
{ "verdict": "changes", "summary": "…", "findings": [ { "id": "review-empty-name", "severity": "high", "title": "…", "detail": "how it fails, and with what input", "file": "src/a.ts", "line": 12 } ] }
\`\`\`

   Severities: info, low, medium, high, critical. A finding keeps its id when it is found again. \`approve\` means you would answer for it.
6. \`sdlc record review {{args.feature}} --file <file>\`. Do not repair anything: that is \`sdlc-fix\`.
7. **wait-review**: a review is running. Stop.`
}

const audit: Command = {
  id: "audit",
  summary:
    "Audit the code of a feature for security, privacy, licences and operations; record findings and what becomes of them.",
  args: "[feature]",
  handles: ["audit", "fix-audit", "triage-findings", "wait-audit"],
  reads: [`${feature}/**`, "**"],
  writes: [`${feature}/audit.md`],
  caps: ["sdlc", "read", "write", "shell", "git"],
  invoke: "model",
  fresh: true,
  body: `- **audit**: \`sdlc record audit-started {{args.feature}}\`. Go through the patch with these questions: who can reach it, with what input, with whose rights; what is stored, logged, sent; which new dependencies and licences; how it is observed, rolled back, limited. Run the scanners the repository has. Write findings as JSON (\`{ "findings": [ { "id", "severity", "title", "detail", "file", "line" } ] }\`, an empty list is an answer) and run \`sdlc record audit {{args.feature}} --file <file>\`.
- **fix-audit**: the report did not fit its schema. \`sdlc why {{args.feature}}\` says where. Repair the report, not the finding, and record it again.
- **triage-findings**: each open lower finding gets one of \`fix\`, \`track\` (with a reference to an issue), \`accept\` or \`false-positive\` (a person has to agree to the last two): \`sdlc dispose <finding> <disposition> {{args.feature}} --reason "…"\`. \`sdlc findings {{args.feature}}\` lists them.
- **wait-audit**: an audit is running. Stop.

Severity is what an attacker or an outage would make of it, not how hard the repair is.`
}

const qa: Command = {
  id: "qa",
  summary: "Run the QA plan against the code as it is and record results with evidence.",
  args: "[feature]",
  handles: ["run-qa", "complete-qa", "attach-evidence", "wait-qa"],
  reads: [`${feature}/qa-plan.md`, "**"],
  writes: [`${feature}/qa-report.md`, `${feature}/evidence/**`],
  caps: ["sdlc", "read", "write", "shell"],
  invoke: "model",
  fresh: true,
  body: `- **run-qa**: \`sdlc qa run {{args.feature}}\` executes every check of the plan that has a command, stores the outcome as in-toto evidence and records the results. Checks without a command are recorded as not run.
- **complete-qa**: do the steps of each check that was not run, as the plan describes them, and keep what you saw (output, a screenshot). Record it: \`sdlc evidence attach <check> {{args.feature}} --file <what you saw> --status passed\` (or \`failed\`).
- **attach-evidence**: a check passed without proof. Repeat it, then \`sdlc evidence attach <check> {{args.feature}} --file <proof>\`.
- **wait-qa**: QA is running. Stop.

A failed check is a result, not a problem to argue away: record it. Do not change code here.`
}

const fix: Command = {
  id: "fix",
  summary:
    "Turn findings, failed checks, red CI, conflicts, review threads or an answerable blocker into fix tasks or commits.",
  args: "[feature]",
  handles: ["plan-fixes", "fix-ci", "resolve-conflicts", "resolve-threads", "resolve-blocker"],
  reads: [`${feature}/**`, "**"],
  writes: ["**"],
  caps: ["sdlc", "read", "write", "shell", "git"],
  invoke: "model",
  fresh: false,
  body: `- **plan-fixes**: \`sdlc findings {{args.feature}}\` and \`sdlc why {{args.feature}}\` say what has to change. Add one task per cause: \`sdlc task add {{args.feature}} --origin <review|audit|qa> --title "…" --writes "<globs>" --verify "<command>"\`. The verify command fails today and passes once it is repaired. If a finding is wrong, say so with proof: \`sdlc dispose <finding> false-positive {{args.feature}} --reason "…"\`, or ask for a new review with \`sdlc record rework-counted {{args.feature}} --data '{"rule":"V3","reason":"…"}'\`. Either counts as a round of rework.
- **fix-ci**: read the log of the failed job, reproduce it, repair the cause, commit. Never skip, loosen or delete a test to get green.
- **resolve-conflicts**: merge the base into the branch, keep both intentions, run the tests, commit. If the intentions contradict each other, \`sdlc block {{args.feature}} --needs human --reason "…"\`.
- **resolve-threads**: \`sdlc thread list {{args.feature}}\`. Answer each with a change or a reason, then \`sdlc thread resolve <thread> {{args.feature}}\`.
- **resolve-blocker**: \`sdlc status {{args.feature}}\` shows the question. If the repository answers it, \`sdlc unblock <blocker> {{args.feature}} --answer "…"\`; if it does not, say so and leave it.`
}

const ship: Command = {
  id: "ship",
  summary: "Report how merge, deploy or rollback stand, and fold the released changes into the living specs.",
  args: "[feature]",
  handles: ["sync-specs"],
  reads: [`${feature}/**`, ".sdlc/specs/**"],
  writes: [".sdlc/specs/**", "CHANGELOG.md"],
  caps: ["sdlc", "read", "write", "git"],
  invoke: "user",
  fresh: false,
  body: `Merging, deploying and rolling back belong to the platform and to people. Never push to the base branch, never run a deploy by hand.

1. \`sdlc status {{args.feature}}\`: if a merge, deploy or rollback is under way or waits, report for what and since when, and stop.
2. **sync-specs**: the feature is live. Fold its requirements and scenarios into \`.sdlc/specs/<capability>/spec.md\`: add new ones, change those it changed, remove those it removed, write renamed ones under their new name, keep the rest as it is (headers there are \`### Requirement: <name>\`; recording checks that every change of the spec is there). If a requirement there was changed by somebody else since this feature was specified, stop and report both texts.
3. Add one line for users to the changelog, if the repository keeps one.
4. Commit, then \`sdlc record sync-recorded {{args.feature}} --data '{"specs":["<capability>"]}'\`.`
}

export const work: ReadonlyArray<Command> = [implement, review, audit, qa, fix, ship]
