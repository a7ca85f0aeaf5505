// The scripted agent: plays one action of the life cycle in the current folder, a checkout of the feature's branch.
//
// It is read from standard input with `globalThis.scripted = { scenarios, job, fault }` in front of it, so it may import nothing but
// node's own modules. It prints one event per line (see formats/Rdev.ts) and ends with 0, or with another code after a Failure line.
import { execFileSync, spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"

const { scenarios, job, fault } = globalThis.scripted
const slug = job.feature
const folder = `.sdlc/features/${slug}`

// ---- events

const print = (event) => process.stdout.write(`${JSON.stringify(event)}\n`)
const say = (text) => print({ _tag: "Message", text })
const think = (text) => print({ _tag: "Thinking", text })

class Stop extends Error {
  constructor(message, code) {
    super(message)
    this.code = code
  }
}
const stop = (message, code = 1) => {
  throw new Stop(message, code)
}
// Output is flushed by ending on its own; process.exit would cut a pipe short.
process.on("uncaughtException", (error) => {
  print({ _tag: "Failure", text: error instanceof Stop ? error.message : `${error?.stack ?? error}` })
  process.exitCode = error instanceof Stop ? error.code : 70
})

print({ _tag: "Started", agent: "scripted", model: null, sessionId: process.env.SDLC_SESSION ?? null })

let calls = 0
/** Runs a command, shows it as a tool call, and returns its status and output. */
const attempt = (program, ...args) => {
  const id = `call-${++calls}`
  print({ _tag: "ToolCall", id, name: program, input: { args } })
  const result = spawnSync(program, args, { encoding: "utf8", maxBuffer: 16_777_216 })
  const status = result.status ?? 1
  const output = result.error === undefined ? `${result.stdout}${result.stderr}` : `${program}: ${result.error.message}`
  print({ _tag: "ToolResult", id, ok: status === 0, output: output.slice(-4000) })
  return { status, output, stdout: result.stdout ?? "" }
}
const must = (program, ...args) => {
  const result = attempt(program, ...args)
  if (result.status !== 0)
    stop(
      `${program} ${args.join(" ")} ended with exit code ${result.status}: ${result.output.trim().split("\n").slice(-3).join(" ")}`
    )
  return result
}
const shell = (command) => attempt("sh", "-c", command)
const sdlc = (...args) => must("sdlc", ...args)

const write = (path, text) => {
  mkdirSync(dirname(path), { recursive: true })
  if (existsSync(path) && readFileSync(path, "utf8") === text) return
  writeFileSync(path, text)
  print({ _tag: "FileChanged", path })
}

// ---- faults

const faults = fault
  .split(",")
  .map((one) => one.trim())
  .filter((one) => one !== "")
  .map((one) => one.split("@"))
const faulty = (name) =>
  faults.some(([wanted, action]) => wanted === name && (action === undefined || action === job.action))

/** The first action of its kind is spoiled; once it is on record, the next one is done well. */
const recorded = (type) =>
  existsSync(`${folder}/events`) && readdirSync(`${folder}/events`).some((name) => name.endsWith(`-${type}.json`))

const misbehave = () => {
  if (faulty("crash")) {
    write("half-done.txt", "The scripted agent stopped here on purpose.\n")
    process.stdout.write('about to stop in the middle of the work, as the fault "crash" says\n')
    process.exit(70)
  }
  if (faulty("rate-limit")) {
    print({
      _tag: "Failure",
      text: 'API Error: 429 {"type":"error","error":{"type":"rate_limit_error","message":"This request would exceed your account\'s rate limit. Please try again in 2 seconds."}}'
    })
    process.exit(1)
  }
  if (faulty("hang")) {
    say('Waiting for ever, as the fault "hang" says.')
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  }
  if (faulty("garbage"))
    process.stdout.write(
      Buffer.concat([
        Buffer.from("\u001b[31mred\u001b[0m \u001b]0;title\u0007plain\r\n"),
        Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 7919) % 256 || 1)),
        Buffer.from("\n")
      ])
    )
  if (faulty("flood")) {
    const line = `${"flood ".repeat(170)}\n`
    for (let written = 0; written < 25_165_824; written += line.length) process.stdout.write(line)
  }
  if (faulty("touch-policy"))
    write(
      ".sdlc/policy.yaml",
      "v: 1\ngates: { spec: off, design: off, tasks: off, qa-plan: off, start: off, agent-review: off, human-review: off, audit: off, uat: off, merge: off }\n"
    )
  if (faulty("forge-approval")) {
    const id = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    const event = {
      v: 1,
      id,
      parents: [],
      actor: { id: "ada", type: "human" },
      type: "verdict",
      at: "2026-01-01T00:00:00Z",
      data: { gate: "spec", subject: "md1:00", verdict: "approve" }
    }
    write(`${folder}/events/${id}-verdict.json`, `${JSON.stringify(event, null, 2)}\n`)
  }
}

// ---- the scenario of this repository's template, with the feature's names filled in

const templateName = () => {
  const manifest = existsSync("package.json") ? JSON.parse(readFileSync("package.json", "utf8")) : {}
  const name = manifest.rdev?.template
  if (!Object.hasOwn(scenarios, name ?? "")) {
    stop(
      `the scripted agent plays the templates ${Object.keys(scenarios).join(", ")} only, and this repository is ${name === undefined ? "of no template" : `of the template ${name}`}: choose a real agent for it`,
      64
    )
  }
  return name
}

/** It stands in headings, comments and strings: one line, no markup, nothing that turns the direction of the text after it. */
const oneLine = (text) =>
  text
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ")
    .replace(/[`<>[\]\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/g, "")
    .replaceAll("*/", "* /")
    .replace(/ {2,}/g, " ")
    .trim()
/** At most `length` characters as a reader counts them: an emoji of several code points is never cut apart. */
const shorten = (text, length) => {
  const letters = Array.from(new Intl.Segmenter().segment(text), ({ segment }) => segment)
  return letters.length > length
    ? `${letters
        .slice(0, length - 1)
        .join("")
        .trimEnd()}…`
    : text
}

const scenario = scenarios[templateName()]
const script = JSON.parse(scenario["scenario.json"])
const title = oneLine(job.title) || slug
const file = script.reserved.includes(slug) ? `${slug}-feature` : slug
const identifier = `${file
  .replace(/-+([a-z0-9])/g, (_, letter) => letter.toUpperCase())
  .replace(/-/g, "")
  .replace(/^(?=\d)/, "n")}${script.suffix}`
const values = {
  slug,
  file,
  title,
  titleJson: JSON.stringify(title),
  labelJson: JSON.stringify(shorten(title, 24)),
  name: identifier,
  hue: String([...slug].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 360, 7))
}
const fill = (text) => text.replace(/\{\{(\w+)\}\}/g, (whole, name) => values[name] ?? whole)

const planned = [
  ...new Set(Object.keys(scenario).flatMap((path) => /^files\/(task-\d+)\//.exec(path)?.[1] ?? []))
].sort()
const filesOf = (task) =>
  Object.entries(scenario)
    .filter(([path]) => path.startsWith(`files/${task}/`))
    .map(([path, text]) => [path.slice(`files/${task}/`.length).replaceAll("__file__", file), fill(text)])

/** The registry with this feature's import and entry; the same text when both are there. */
const register = (text) => {
  const { list } = script.registry
  const line = fill(script.registry.import)
  if (text.includes(line)) return text
  const lines = text.split("\n")
  lines.splice(lines.findLastIndex((one) => one.startsWith("import ")) + 1, 0, line)
  const pattern = new RegExp(`(\\b${list}\\s*[:=]\\s*\\[)([^\\]]*?)(\\n[ ]*\\])`)
  const found = pattern.exec(lines.join("\n"))
  if (found === null) return stop(`${script.registry.file}: there is no list "${list}" to add ${identifier} to`)
  const indent = /\n([ ]+)\S/.exec(found[2])?.[1] ?? "  "
  const entries = found[2].trimEnd().replace(/,$/, "")
  return lines
    .join("\n")
    .replace(
      pattern,
      (_, open, __, close) => `${open}${entries}${entries.trim() === "" ? "" : ","}\n${indent}${identifier}${close}`
    )
}

const breaking = (name, task, path, text) => {
  const spoil = script.breaks[name]
  if (!faulty(name) || spoil.task !== task || fill(spoil.file) !== path) return text
  if (!text.includes(fill(spoil.find))) stop(`the fault "${name}" finds nothing to break in ${path}`)
  return text.replace(fill(spoil.find), fill(spoil.replace))
}

const build = (task, spoiled) => {
  for (const [path, text] of filesOf(task))
    write(path, spoiled ? breaking("failing-test", task, path, breaking("failing-verify", task, path, text)) : text)
  if (script.registry.task === task) write(script.registry.file, register(readFileSync(script.registry.file, "utf8")))
}

// ---- documents

const document = (kind) => fill(scenario[`documents/${kind}.md`])
const pathOf = (kind) => `${folder}/${kind}.md`
const submit = (kind) => sdlc("submit", kind, slug)

const create = (kind) => {
  say(`Writing ${kind}.md for "${title}".`)
  if (kind === "spec" && faulty("bad-spec")) {
    write(
      pathOf(kind),
      document(kind)
        .replace("the site shall link", "we link")
        .replace("the service shall list", "we list")
        .replace("The site shall link", "We link")
        .replace("The service shall list", "We list")
    )
    return say("The spec is written; it has a mistake on purpose.")
  }
  if (kind === "spec" && faulty("unclear-spec")) {
    write(pathOf(kind), `${document(kind)}\n## Open\n[NEEDS CLARIFICATION: who is the feature for?]\n`)
    return say("The spec is written; one question is open on purpose.")
  }
  write(pathOf(kind), document(kind))
  submit(kind)
  return say(`${kind}.md is written and submitted.`)
}

const fix = (kind) => {
  say(`Repairing ${kind}.md.`)
  write(pathOf(kind), document(kind))
  submit(kind)
}

/** A rejected document needs other content, or it stays the rejected one: the answer to the rejection is added. */
const revise = (kind) => {
  const before = existsSync(pathOf(kind)) ? readFileSync(pathOf(kind), "utf8") : document(kind)
  const number = (before.match(/^## Revision \d+$/gm)?.length ?? 0) + 1
  say(`Revising ${kind}.md after its rejection (revision ${number}).`)
  write(
    pathOf(kind),
    `${before.trimEnd()}\n\n## Revision ${number}\nReworked after the rejection: every statement was read again against the feature's title and kept where it holds.\n`
  )
  submit(kind)
}

/** Somebody changed the document or what it builds on: what they wrote is kept when it is sound, and submitted anew. */
const reconcile = (kind) => {
  say(`Reading ${kind}.md again after a change.`)
  const sound = attempt("sdlc", "lint", pathOf(kind)).status === 0
  if (!sound) write(pathOf(kind), document(kind))
  submit(kind)
}

// ---- tasks and code

/** A task that came from a finding: the note it asks for, or every file of the feature as it was planned. */
const repair = (task) => {
  const { tasks } = JSON.parse(sdlc("task", "list", slug, "--json").stdout)
  const wanted = /^Write the (\w+) note$/.exec(tasks.find((one) => one.id === task)?.title ?? "")?.[1]
  if (wanted === undefined) {
    say(`${task} is a fix: putting every file of the feature right.`)
    return planned.forEach((one) => build(one, false))
  }
  say(`${task} is a fix: writing the ${wanted} note.`)
  const before = existsSync(notePath) ? readFileSync(notePath, "utf8") : `# ${title}\n`
  return write(
    notePath,
    before.includes(noteHeading(wanted))
      ? before
      : `${before}\n${noteHeading(wanted)}\nWhat the ${wanted} asked for: where the feature lives and how it is checked, see \`${folder}\`.\n`
  )
}

const tasksOfJob = () => (job.taskId === null || job.taskId === "" ? planned : [job.taskId])

const implement = () => {
  const retry = job.action === "retry-task"
  for (const task of tasksOfJob()) {
    if (planned.includes(task)) {
      say(`${retry ? "Doing" : "Working on"} ${task}${retry ? " once more" : ""}.`)
      build(task, !retry)
    } else {
      repair(task)
    }
    sdlc("task", "claim", task, slug)
  }
}

const checks = () => script.checks.map((command) => ({ command, ...shell(command) }))

const fixCi = () => {
  think("CI is red: something that the tasks' own checks do not see.")
  for (const task of planned) build(task, false)
  const red = checks().filter((check) => check.status !== 0)
  if (red.length > 0) stop(`still red after the repair: ${red.map((check) => check.command).join(", ")}`)
  say("Lint, tests and build are green again.")
}

const git = (...args) => must("git", ...args)
const baseRef = () => {
  const wanted = [process.env.RDEV_BASE, "origin/HEAD", "origin/main", "origin/master", "main", "master"].filter(
    (ref) => ref !== undefined && ref !== ""
  )
  return (
    wanted.find((ref) => spawnSync("git", ["rev-parse", "--verify", "--quiet", `${ref}^{commit}`]).status === 0) ??
    stop("there is no base branch to merge: the workspace holds none of " + wanted.join(", "))
  )
}

const resolveConflicts = () => {
  const base = baseRef()
  say(`Merging ${base} into the feature's branch.`)
  const identity = ["-c", "user.name=scripted", "-c", "user.email=scripted@agents.rdev"]
  const merged = attempt("git", ...identity, "merge", "--no-ff", "--no-edit", base)
  if (merged.status === 0) return say("There was nothing in conflict any more.")
  const conflicts = git("diff", "--name-only", "--diff-filter=U")
    .stdout.trim()
    .split("\n")
    .filter((path) => path !== "")
  const strange = conflicts.filter((path) => path !== script.registry.file)
  if (conflicts.length === 0 || strange.length > 0) {
    attempt("git", "merge", "--abort")
    stop(
      `the scripted agent resolves conflicts in ${script.registry.file} only; ${strange.join(", ") || "the merge"} needs a real agent or a person`
    )
  }
  const theirs = execFileSync("git", ["show", `:3:${script.registry.file}`], { encoding: "utf8" })
  write(script.registry.file, register(theirs))
  git("add", "--", script.registry.file)
  git(...identity, "commit", "--no-edit", "--no-verify")
  return say("Both entries are kept.")
}

// ---- review, audit, QA

const notePath = `docs/${file}.md`
const noteHeading = (origin) => `## ${origin[0].toUpperCase()}${origin.slice(1)}`
const changedFiles = () =>
  [...new Set([...planned.flatMap((task) => filesOf(task).map(([path]) => path)), script.registry.file])].filter(
    (path) => existsSync(path)
  )

/** Findings travel in a file inside .git: it belongs to nobody's commit. */
const asFile = (name, data) => {
  const path = `.git/rdev-${name}.json`
  writeFileSync(path, JSON.stringify(data))
  return path
}
const missingNote = (origin, severity) => ({
  id: `${origin}-note`,
  severity,
  title: `No ${origin} note says where the feature lives`,
  detail: `Expected a section "${noteHeading(origin)}".`,
  file: notePath
})

/** CI is green for this head, so what is left to read is whether the planned files are there and say what they claim. */
const review = () => {
  const expected = [...planned.flatMap((task) => filesOf(task).map(([path]) => path)), script.registry.file]
  say(`Reviewing ${expected.length} files with fresh eyes.`)
  const findings = []
  for (const path of expected) {
    const text = existsSync(path) ? readFileSync(path, "utf8") : null
    if (text === null)
      findings.push({
        id: `review-missing-${path.replace(/[^a-z0-9]+/gi, "-")}`,
        severity: "high",
        title: `${path} is planned and missing`,
        file: path
      })
    else if (path === script.registry.file && !text.includes(fill(script.registry.import)))
      findings.push({
        id: "review-unregistered",
        severity: "high",
        title: `${path} does not know the feature`,
        file: path
      })
    else think(`${path}: ${text.split("\n").length - 1} lines, as planned.`)
  }
  if (faulty("review-changes") && !recorded("review-recorded")) findings.push(missingNote("review", "medium"))
  const verdict = findings.length === 0 ? "approve" : "changes"
  sdlc(
    "record",
    "review",
    slug,
    "--file",
    asFile("review", { verdict, summary: `${expected.length} files read against the plan.`, findings })
  )
  say(
    verdict === "approve"
      ? "Approved: the code does what the plan says."
      : `Changes are needed: ${findings.map((one) => one.title).join("; ")}.`
  )
}

/** What an audit of these templates looks for; comments and tests are left out. */
const risky = [
  [/\beval\s*\(|new Function\s*\(/, "high", "runs text as code"],
  [/child_process/, "high", "starts processes"],
  [/\b(?:password|secret|api[_-]?key|token)\b\s*[:=]\s*["'][^"']{8,}/i, "critical", "holds a secret"],
  [/innerHTML|dangerouslySetInnerHTML/, "high", "writes markup that is not escaped"],
  [/https?:\/\/(?!127\.0\.0\.1|localhost|service)/, "low", "refers to another host"]
]

const audit = () => {
  const files = changedFiles().filter((path) => path.startsWith("src/"))
  say(`Auditing ${files.length} source files.`)
  const findings = files.flatMap((path) =>
    readFileSync(path, "utf8")
      .split("\n")
      .flatMap((line, index) =>
        risky
          .filter(([pattern]) => !line.trimStart().startsWith("//") && pattern.test(line))
          .map(([, severity, what], number) => ({
            id: `audit-${path.replace(/[^a-z0-9]+/gi, "-")}-${index + 1}-${number}`,
            severity,
            title: `${path} ${what}`,
            file: path,
            line: index + 1
          }))
      )
  )
  if (faulty("audit-finding") && !recorded("audit-recorded")) findings.push(missingNote("audit", "high"))
  sdlc("record", "audit", slug, "--file", asFile("audit", { findings }))
  say(
    findings.length === 0
      ? "Nothing found: no secrets, no processes, no unescaped markup, no new dependency."
      : `${findings.length} findings recorded.`
  )
}

const triage = () => {
  const { findings } = JSON.parse(sdlc("findings", slug, "--json").stdout)
  for (const one of findings.filter((candidate) => candidate.status === "open")) {
    sdlc(
      "dispose",
      one.id,
      "track",
      slug,
      "--reason",
      "Below the blocking severity; kept on the list of the project.",
      "--reference",
      `${folder}/audit.md`
    )
  }
  say("Every open finding has a disposition.")
}

const planFixes = () => {
  const { findings } = JSON.parse(sdlc("findings", slug, "--json").stdout)
  const wanted = findings.filter((one) => one.status !== "track" && one.status !== "fix")
  const origins = [...new Set(wanted.map((one) => one.origin))]
  for (const origin of origins.length === 0 ? ["review"] : origins) {
    const noted = wanted.some((one) => one.id === `${origin}-note` || one.origin === "qa")
    const [name, command] = noted
      ? [`Write the ${origin} note`, `grep -qs "^${noteHeading(origin)}$" ${notePath}`]
      : [`Put right what the ${origin} found`, "node --test"]
    sdlc(
      "task",
      "add",
      slug,
      "--origin",
      origin,
      "--title",
      name,
      "--writes",
      noted ? notePath : "**",
      "--verify",
      command,
      "--reason",
      wanted.map((one) => one.title).join("; ") || job.action
    )
  }
  say(`Planned ${Math.max(1, origins.length)} fix task${origins.length > 1 ? "s" : ""}.`)
}

const runQa = () => {
  if (faulty("qa-fail") && !recorded("qa-recorded")) {
    const ids = [...document("qa-plan").matchAll(/^- (QA-\d+)/gm)].map((match) => match[1])
    sdlc(
      "record",
      "qa",
      slug,
      "--file",
      asFile("qa", {
        checks: ids.map((id, index) =>
          index === 0 ? { id, status: "failed", detail: "failed on purpose" } : { id, status: "not-run" }
        )
      })
    )
    return say(`${ids[0]} failed, on purpose.`)
  }
  say("Running the QA plan on the head of the branch.")
  const { checks: results } = JSON.parse(sdlc("qa", "run", slug, "--json").stdout)
  write(
    pathOf("qa-report"),
    `---\nsdlc: { v: 1, kind: qa-report }\n---\n# QA report: ${title}\n\n${results.map((one) => `- ${one.id}: ${one.status}${one.detail === undefined ? "" : ` (${one.detail})`}`).join("\n")}\n`
  )
  return say(
    results.every((one) => one.status === "passed")
      ? "All checks passed."
      : "Not every check passed; the report says which."
  )
}

/** Checks without proof or not yet run, one by one: each with its own command of the plan. */
const completeQa = () => {
  const plan = readFileSync(pathOf("qa-plan"), "utf8")
  for (const [, id, rest] of plan.matchAll(/^- (QA-\d+)([\s\S]*?)(?=^- QA-|(?![\s\S]))/gm)) {
    const command = /run: `([^`]+)`/.exec(rest)?.[1]
    if (command === undefined) stop(`${id} has to be done by a person or a real agent: it has no command`)
    must("sdlc", "evidence", "attach", id, slug, "--run", command)
  }
  say("Every check has a result and its evidence.")
}

// ---- the rest

const resolveThreads = () => {
  const { threads } = JSON.parse(sdlc("thread", "list", slug, "--json").stdout)
  for (const one of threads) {
    say(`Answering ${one.id}: ${one.text ?? ""}`)
    sdlc("thread", "resolve", one.id, slug)
  }
}

const resolveBlocker = () => {
  const { blockers } = JSON.parse(sdlc("status", slug, "--json").stdout)
  const mine = (blockers ?? []).filter((one) => one.needs === "agent")
  if (mine.length === 0) stop("no open blocker is an agent's to answer")
  for (const one of mine)
    sdlc("unblock", one.id, slug, "--answer", "Everything that is needed stands in the repository.")
  say(`Answered ${mine.length} blocker${mine.length > 1 ? "s" : ""}.`)
}

/** The feature's requirements become part of what the project says about itself. */
const syncSpecs = () => {
  const spec = readFileSync(pathOf("spec"), "utf8")
    .replace(/^---[\s\S]*?---\n/, "")
    .replace(/^# Feature: /m, "# ")
  write(`.sdlc/specs/${slug}/spec.md`, spec)
  sdlc("record", "sync-recorded", slug, "--data", JSON.stringify({ specs: [slug] }))
  say("The living specs say what was released.")
}

const approve = (gate) => {
  say(`Reading what was submitted for ${gate}.`)
  sdlc("approve", gate, slug)
  say("Approved: it is complete, testable and follows from what it builds on.")
}

const actions = {
  "implement-task": implement,
  "retry-task": implement,
  "fix-ci": fixCi,
  "resolve-conflicts": resolveConflicts,
  "review-code": review,
  audit: audit,
  "fix-audit": audit,
  "triage-findings": triage,
  "plan-fixes": planFixes,
  "run-qa": runQa,
  "complete-qa": completeQa,
  "attach-evidence": completeQa,
  "resolve-threads": resolveThreads,
  "resolve-blocker": resolveBlocker,
  "sync-specs": syncSpecs
}
const verbs = { create, fix, revise, reconcile, submit: (kind) => void submit(kind), approve }

const play = () => {
  const action = actions[job.action]
  if (action !== undefined) return action()
  const [, verb, what] = /^([a-z]+)-(.+)$/.exec(job.action) ?? []
  const known =
    verb !== undefined &&
    Object.hasOwn(verbs, verb) &&
    (verb === "approve" || ["spec", "design", "tasks", "qa-plan"].includes(what))
  if (!known) stop(`the scripted agent does not know the action "${job.action}"`, 64)
  return verbs[verb](what)
}

misbehave()
if (faulty("idle")) say('Done, says the fault "idle".')
else play()
print({ _tag: "Ended", ok: true, summary: `${job.action}: done`, exitCode: 0 })
