/** Operations that act in a key's name are set going again by other keys, weaker and stronger, before and after the key's end. */
import type { Attack, Kind, ProjectRef } from "../Attack.ts"

const ended = new Set(["completed", "failed", "cancelled", "compensation_failed", "parked"])

const settled = (attack: Attack, id: string) =>
  attack.until(`/operations/${id}`, (operation) => ended.has(String(operation["status"])), 60)

const start = async (attack: Attack, project: ProjectRef, key: string, text: string): Promise<string> => {
  const answer = await attack.must("POST", `/projects/${project.name}/operations`, {
    key,
    body: { kind: "tree.run", tree: { text } }
  })
  return String(answer["operation_id"])
}
const run = async (attack: Attack, project: ProjectRef, key: string, text: string): Promise<string> => {
  const id = await start(attack, project, key, text)
  await settled(attack, id)
  return id
}

/** Calls the route, then fails: it is undone, and a retry starts it anew. */
const undone = (method: string, path: string, body: string) => `name: calls
description: Calls
steps:
  - { id: call, action: api, method: ${method}, path: "${path}", body: ${body}, expect_status: [200, 201, 202] }
  - { id: stop, depends_on: [call], action: assert, checks: [{ value: "a", equals: "b" }] }
`
/** A tear-down that does not succeed: the operation itself is taken up again by a retry. */
const torn = (method: string, path: string, body: string) => `name: tears
description: Tears down
steps:
  - { id: stop, action: assert, checks: [{ value: "a", equals: "b" }] }
teardown:
  - { id: call, action: api, method: ${method}, path: "${path}", body: ${body}, expect_status: [418] }
`

const keyNames = async (attack: Attack): Promise<ReadonlyArray<string>> =>
  ((await attack.must("GET", "/keys?limit=100"))["keys"] as ReadonlyArray<Record<string, unknown>>).map((one) =>
    String(one["name"])
  )
const made = async (attack: Attack, name: string) => (await keyNames(attack)).filter((one) => one === name).length

const retry = (attack: Attack, id: string, key: string, own = false) =>
  attack.api("POST", `/operations/${id}/retry${own ? "?in_own_name=true" : ""}`, { key })

const newKeyBody = (name: string) => `{ name: ${name}, scopes: ["projects:read"] }`

/** A weaker key pushes on what a stronger one began. */
const upwards = async (attack: Attack, project: ProjectRef) => {
  const strong = await attack.newKey({ scopes: ["projects:read", "projects:execute", "keys:manage"] })
  const forProject = ["projects:read", "projects:execute"]
  const weak = await attack.newKey({ scopes: forProject, projects: [project.name] })
  for (const [i, tree] of [undone, torn].entries()) {
    const name = `up-${i}`
    const id = await run(attack, project, strong.key, tree("POST", "/keys", newKeyBody(name)))
    const before = await made(attack, name)
    const refused = await retry(attack, id, weak.key)
    attack.held(`a weaker key cannot retry ${name}`, refused.status === 403, refused.text)
    attack.held(`${name}: the refusal says how`, refused.text.includes("in_own_name"), refused.text)
    const own = await retry(attack, id, weak.key, true)
    attack.held(`a weaker key retries ${name} in its own name`, own.status === 200, own.text)
    const again = String(own.json?.["id"])
    await settled(attack, again)
    attack.held(`${name}: and makes nothing that it may not make`, (await made(attack, name)) === before)
    const shown = await attack.must("GET", `/operations/${again}`)
    attack.held(`${name}: it is the weaker key's now`, shown["actor"] === weak.id, JSON.stringify(shown["actor"]))
  }
}

/** A weak key leaves something that a strong one is to push on. */
const downwards = async (attack: Attack, project: ProjectRef) => {
  const weak = await attack.newKey({ scopes: ["projects:read", "projects:execute"] })
  for (const [i, tree] of [undone, torn].entries()) {
    const name = `down-${i}`
    const id = await run(attack, project, weak.key, tree("POST", "/keys", newKeyBody(name)))
    attack.held(`${name}: the weak key's tree makes no key`, (await made(attack, name)) === 0)
    const again = await retry(attack, id, attack.server.adminKey)
    attack.held(`${name}: a stronger key can retry`, again.status === 200, again.text)
    await settled(attack, String(again.json?.["id"]))
    attack.held(`${name}: and lends it no right`, (await made(attack, name)) === 0)
  }
}

/** The starter's key is gone: what it began goes on in nobody's name. */
const afterTheEnd = async (attack: Attack, project: ProjectRef) => {
  const gone = await attack.newKey({ scopes: ["projects:read", "projects:execute", "keys:manage"] })
  const other = await attack.newKey({ scopes: ["projects:read", "projects:execute"] })
  const ids = [
    await run(attack, project, gone.key, undone("POST", "/keys", newKeyBody("end-0"))),
    await run(attack, project, gone.key, torn("POST", "/keys", newKeyBody("end-1")))
  ]
  await attack.api("DELETE", `/keys/${gone.id}`)
  await new Promise((resolve) => setTimeout(resolve, 2_500))
  for (const [i, id] of ids.entries()) {
    const before = await made(attack, `end-${i}`)
    for (const key of [other.key, attack.server.adminKey]) {
      const refused = await retry(attack, id, key)
      attack.held(`end-${i}: nobody goes on in the name of an ended key`, refused.status === 403, refused.text)
    }
    const own = await retry(attack, id, other.key, true)
    attack.held(`end-${i}: it is taken over by name`, own.status === 200, own.text)
    await settled(attack, String(own.json?.["id"]))
    attack.held(`end-${i}: with the rights of who took it`, (await made(attack, `end-${i}`)) === before)
  }
}

/** Answers to a question are one segment of a path, whatever they say. */
const answers = async (attack: Attack, project: ProjectRef) => {
  const weak = await attack.newKey({ scopes: ["projects:read", "projects:execute"], projects: [project.name] })
  const text = `name: asks
description: Asks
steps:
  - { id: which, action: ask, question: "Which?", outputs: { it: $.answer } }
  - { id: make, depends_on: [which], action: api, method: POST, path: "/projects/{{ steps.which.outputs.it }}", body: { name: by-answer, scopes: ["admin"] }, expect_status: [200, 201, 202] }
`
  for (const answer of [
    "../keys",
    "..%2fkeys",
    "..\\keys",
    "%2e%2e/keys",
    "x/../../keys",
    "..",
    ".",
    "..?",
    "../keys#"
  ]) {
    const id = await start(attack, project, attack.server.adminKey, text)
    await attack.until(`/operations/${id}`, (operation) => operation["status"] === "waiting", 30)
    const said = await attack.api("POST", `/operations/${id}/answer`, {
      key: weak.key,
      body: { step: "which", value: answer }
    })
    attack.held(`${answer} is taken as an answer`, said.status === 200, said.text)
    const end = await settled(attack, id)
    attack.held(`the answer ${answer} leads nowhere`, end["status"] !== "completed", JSON.stringify(end))
  }
  attack.held("no answer made a key", (await made(attack, "by-answer")) === 0)
}

export const kind: Kind = {
  name: "whose-name",
  promise: "What acts in a key's name goes on with no right that either that key or who sets it going again lacks",
  run: async (attack) => {
    const project = await attack.project()
    await upwards(attack, project)
    await downwards(attack, project)
    await afterTheEnd(attack, project)
    await answers(attack, project)
  }
}
