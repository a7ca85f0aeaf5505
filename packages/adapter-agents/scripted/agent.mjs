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
const stop = (message, code = 1) => { throw new Stop(message, code) }

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
  if (result.status !== 0) stop(`${program} ${args.join(" ")} ended with exit code ${result.status}: ${result.output.trim().split("\n").slice(-3).join(" ")}`)
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

const faults = fault.split(",").map((one) => one.trim()).filter((one) => one !== "").map((one) => one.split("@"))
const faulty = (name) => faults.some(([wanted, action]) => wanted === name && (action === undefined || action === job.action))

/** The first action of its kind is spoiled; once it is on record, the next one is done well. */
const recorded = (type) => existsSync(`${folder}/events`) && readdirSync(`${folder}/events`).some((name) => name.endsWith(`-${type}.json`))

const misbehave = () => {
  if (faulty("crash")) {
    write("half-done.txt", "The scripted agent stopped here on purpose.\n")
    process.stdout.write("about to stop in the middle of the work, as the fault \"crash\" says\n")
    process.exit(70)
  }
  if (faulty("rate-limit")) {
    print({ _tag: "Failure", text: "API Error: 429 {\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"This request would exceed your account's rate limit. Please try again in 2 seconds.\"}}" })
    process.exit(1)
  }
  if (faulty("hang")) {
    say("Waiting for ever, as the fault \"hang\" says.")
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  }
  if (faulty("garbage")) process.stdout.write(Buffer.concat([Buffer.from("\u001b[31mred\u001b[0m \u001b]0;title\u0007plain\r\n"), Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 7919) % 256 || 1)), Buffer.from("\n")]))
  if (faulty("flood")) {
    const line = `${"flood ".repeat(170)}\n`
    for (let written = 0; written < 25_165_824; written += line.length) process.stdout.write(line)
  }
  if (faulty("touch-policy")) write(".sdlc/policy.yaml", "v: 1\ngates: { spec: off, design: off, tasks: off, qa-plan: off, start: off, agent-review: off, human-review: off, audit: off, uat: off, merge: off }\n")
  if (faulty("forge-approval")) {
    const id = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    const event = { v: 1, id, parents: [], actor: { id: "ada", type: "human" }, type: "verdict", at: "2026-01-01T00:00:00Z", data: { gate: "spec", subject: "md1:00", verdict: "approve" } }
    write(`${folder}/events/${id}-verdict.json`, `${JSON.stringify(event, null, 2)}\n`)
  }
}

// ---- the scenario of this repository's template, with the feature's names filled in

const templateName = () => {
  const manifest = existsSync("package.json") ? JSON.parse(readFileSync("package.json", "utf8")) : {}
  const name = manifest.rdev?.template
  if (!Object.hasOwn(scenarios, name ?? "")) {
    stop(`the scripted agent plays the templates ${Object.keys(scenarios).join(", ")} only, and this repository is ${name === undefined ? "of no template" : `of the template ${name}`}: choose a real agent for it`, 64)
  }
  return name
}

const unquote = (value) => {
  if (value.startsWith("\"")) return JSON.parse(value)
  return value.startsWith("'") ? value.slice(1, -1).replaceAll("''", "'") : value
}
const featureTitle = () => {
  const file = `${folder}/feature.yaml`
  const line = existsSync(file) ? /^title:\s*(.+)$/m.exec(readFileSync(file, "utf8"))?.[1] : undefined
  const title = unquote((line ?? slug.replaceAll("-", " ")).trim())
  // It stands in headings, comments and strings: one line, no markup.
  return title.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ").replace(/[`<>[\]]/g, "").trim() || slug
}

const scenario = scenarios[templateName()]
const script = JSON.parse(scenario["scenario.json"])
const title = featureTitle()
const file = script.reserved.includes(slug) ? `${slug}-feature` : slug
const identifier = `${file.replace(/-+([a-z0-9])/g, (_, letter) => letter.toUpperCase()).replace(/-/g, "").replace(/^(?=\d)/, "n")}${script.suffix}`
const values = {
  slug,
  file,
  title,
  titleJson: JSON.stringify(title),
  labelJson: JSON.stringify(title.length > 24 ? `${title.slice(0, 23).trimEnd()}…` : title),
  name: identifier,
  hue: String([...slug].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 360, 7))
}
const fill = (text) => text.replace(/\{\{(\w+)\}\}/g, (whole, name) => values[name] ?? whole)

const planned = [...new Set(Object.keys(scenario).flatMap((path) => /^files\/(task-\d+)\//.exec(path)?.[1] ?? []))].sort()
const filesOf = (task) =>
  Object.entries(scenario).filter(([path]) => path.startsWith(`files/${task}/`))
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
  return lines.join("\n").replace(pattern, (_, open, __, close) => `${open}${entries}${entries.trim() === "" ? "" : ","}\n${indent}${identifier}${close}`)
}

const breaking = (name, task, path, text) => {
  const spoil = script.breaks[name]
  if (!faulty(name) || spoil.task !== task || fill(spoil.file) !== path) return text
  if (!text.includes(fill(spoil.find))) stop(`the fault "${name}" finds nothing to break in ${path}`)
  return text.replace(fill(spoil.find), fill(spoil.replace))
}

const build = (task, spoiled) => {
  for (const [path, text] of filesOf(task)) write(path, spoiled ? breaking("failing-test", task, path, breaking("failing-verify", task, path, text)) : text)
  if (script.registry.task === task) write(script.registry.file, register(readFileSync(script.registry.file, "utf8")))
}

// ---- documents

const document = (kind) => fill(scenario[`documents/${kind}.md`])
const pathOf = (kind) => `${folder}/${kind}.md`
const submit = (kind) => sdlc("submit", kind, "--feature", slug)

const create = (kind) => {
  say(`Writing ${kind}.md for "${title}".`)
  if (kind === "spec" && faulty("bad-spec")) {
    write(pathOf(kind), document(kind).replace("the site shall link", "we link").replace("the service shall list", "we list").replace("The site shall link", "We link").replace("The service shall list", "We list"))
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
  write(pathOf(kind), `${before.trimEnd()}\n\n## Revision ${number}\nReworked after the rejection: every statement was read again against the feature's title and kept where it holds.\n`)
  submit(kind)
}

/** Somebody changed the document or what it builds on: what they wrote is kept when it is sound, and submitted anew. */
const reconcile = (kind) => {
  say(`Reading ${kind}.md again after a change.`)
  const sound = attempt("sdlc", "lint", kind, "--feature", slug).status === 0
  if (!sound) write(pathOf(kind), document(kind))
  submit(kind)
}

// ---- tasks and code

const tasksOfJob = () => (job.taskId === null || job.taskId === "" ? planned : [job.taskId])

const implement = () => {
  const retry = job.action === "retry-task"
  for (const task of tasksOfJob()) {
    if (planned.includes(task)) {
      say(`${retry ? "Doing" : "Working on"} ${task}${retry ? " once more" : ""}.`)
      build(task, !retry)
    } else {
      say(`${task} is a fix: putting every file of the feature right.`)
      for (const one of planned) build(one, false)
    }
    sdlc("task", "claim", task, "--feature", slug)
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
  const wanted = [process.env.RDEV_BASE, "origin/HEAD", "origin/main", "origin/master", "main", "master"].filter((ref) => ref !== undefined && ref !== "")
  return wanted.find((ref) => spawnSync("git", ["rev-parse", "--verify", "--quiet", `${ref}^{commit}`]).status === 0) ?? stop("there is no base branch to merge: the workspace holds none of " + wanted.join(", "))
}

const resolveConflicts = () => {
  const base = baseRef()
  say(`Merging ${base} into the feature's branch.`)
  const identity = ["-c", "user.name=scripted", "-c", "user.email=scripted@agents.rdev"]
  const merged = attempt("git", ...identity, "merge", "--no-ff", "--no-edit", base)
  if (merged.status === 0) return say("There was nothing in conflict any more.")
  const conflicts = git("diff", "--name-only", "--diff-filter=U").stdout.trim().split("\n").filter((path) => path !== "")
  const strange = conflicts.filter((path) => path !== script.registry.file)
  if (conflicts.length === 0 || strange.length > 0) {
    attempt("git", "merge", "--abort")
    stop(`the scripted agent resolves conflicts in ${script.registry.file} only; ${strange.join(", ") || "the merge"} needs a real agent or a person`)
  }
  const theirs = execFileSync("git", ["show", `:3:${script.registry.file}`], { encoding: "utf8" })
  write(script.registry.file, register(theirs))
  git("add", "--", script.registry.file)
  git(...identity, "commit", "--no-edit", "--no-verify")
  return say("Both entries are kept.")
}

// ---- review, audit, QA

const changedFiles = () => [...new Set([...planned.flatMap((task) => filesOf(task).map(([path]) => path)), script.registry.file])].filter((path) => existsSync(path))

const finding = (id, severity, what, path) => ({ id, severity, title: what, file: path })
const findingsFile = (name, findings) => {
  const path = `.git/rdev-${name}.json`
  writeFileSync(path, JSON.stringify(findings))
  return path
}
