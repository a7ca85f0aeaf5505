/**
 * Writes `webhooks.json`: of the payloads that GitHub's users contributed as examples (`@octokit/webhooks-examples`, MIT) those of the events
 * that the adapter reads, at most two of each action. What every payload repeats of its repository and organisation is cut to its name.
 * Run it where that package is unpacked: `node examples.mjs <folder>`.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"

const [folder] = process.argv.slice(2)
const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"))
const all = JSON.parse(readFileSync(join(folder, "api.github.com/index.json"), "utf8"))
const read = [
  "push",
  "pull_request",
  "issues",
  "issue_comment",
  "status",
  "check_run",
  "workflow_run",
  "create",
  "delete",
  "star",
  "ping"
]

const short = ({ full_name, id, login, name }) => ({ id, name, full_name, login })
const people = [
  "user",
  "sender",
  "owner",
  "assignee",
  "creator",
  "pusher",
  "author",
  "committer",
  "actor",
  "triggering_actor",
  "head_repository"
]
const cut = (key, value) => {
  if (key.endsWith("_url") || key === "_links") return undefined
  if (people.includes(key) && value !== null && typeof value === "object") return { ...short(value), type: value.type }
  return value !== null &&
    typeof value === "object" &&
    ["repository", "organization", "repo", "app", "installation"].includes(key)
    ? short(value)
    : value
}
const kept = Object.fromEntries(
  all
    .filter(({ name }) => read.includes(name))
    .map(({ examples, name }) => {
      const counts = new Map()
      return [
        name,
        examples.filter(({ action = "" }) => {
          counts.set(action, (counts.get(action) ?? 0) + 1)
          return counts.get(action) <= 2
        })
      ]
    })
)
writeFileSync(new URL("webhooks.json", import.meta.url), `${JSON.stringify({ version, events: kept }, cut)}\n`)
