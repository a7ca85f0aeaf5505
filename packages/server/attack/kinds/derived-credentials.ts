/** What was opened with a key, and then the key ends: by revocation, and by its time. */
import { request } from "node:http"
import type { Attack, Kind, ProjectRef } from "../Attack.ts"

/** What must be over, from the moment that the key was; the promise is 5 s, the rest is this machine's. */
const graceMillis = 7_000

interface Open {
  readonly what: string
  readonly over: Promise<number>
}

/** When a request that nobody ends is ended by the server; -1 = not within the time. */
const held = (
  attack: Attack,
  what: string,
  method: string,
  path: string,
  headers: Record<string, string>,
  body: Buffer | null
): Open => ({
  what,
  over: new Promise((resolve) => {
    const sent = request(`${attack.server.url}${path}`, { method, headers }, (response) => {
      response.resume()
      response.on("close", () => resolve(Date.now()))
    })
    sent.on("error", () => resolve(Date.now()))
    setTimeout(() => {
      resolve(-1)
      sent.destroy()
    }, 60_000).unref()
    if (body === null) sent.end()
    // A transfer that goes on and on.
    else sent.write(body)
  })
})

const polled = (what: string, over: () => Promise<boolean>): Open => ({
  what,
  over: (async () => {
    const end = Date.now() + 60_000
    while (Date.now() < end) {
      if (await over()) return Date.now()
      await new Promise((resolve) => setTimeout(resolve, 250))
    }
    return -1
  })()
})

const openAll = async (attack: Attack, project: ProjectRef, key: string): Promise<ReadonlyArray<Open>> => {
  const bearer = { authorization: `Bearer ${key}` }
  const made = await attack.must("POST", `/projects/${project.name}/git-tokens`, {
    key,
    body: { access: "write", ttl_seconds: 3600 }
  })
  const basic = { authorization: `Basic ${Buffer.from(`rdev:${String(made["token"])}`).toString("base64")}` }
  const refs = (service: string) =>
    fetch(`${attack.server.url}/git/${project.name}.git/info/refs?service=${service}`, { headers: basic }).then(
      (response) => response.status
    )
  attack.held("the token works while its key does", (await refs("git-receive-pack")) === 200)
  const exec = await attack.must("POST", `/projects/${project.name}/workspace/execs`, {
    key,
    body: { command: ["sleep", "300"], timeout_seconds: 600 }
  })
  const execPath = `/projects/${project.name}/workspace/execs/${String(exec["id"])}`
  const tree =
    "name: waits\ndescription: Waits\nsteps:\n  - id: sleep\n    action: shell\n    project: " +
    project.name +
    "\n    command: [sleep, '300']\n    timeout_seconds: 600\n"
  const run = await attack.api("POST", `/projects/${project.name}/operations`, {
    key,
    body: { kind: "tree.run", tree: { text: tree } }
  })
  const running = String(run.json?.["operation_id"])
  attack.held("a tree of the key runs", run.status === 202, run.text)
  return [
    polled("a git token that reads", async () => (await refs("git-upload-pack")) === 401),
    polled("a git token that writes", async () => (await refs("git-receive-pack")) === 401),
    held(
      attack,
      "a push that is under way",
      "POST",
      `/git/${project.name}.git/git-receive-pack`,
      { ...basic, "content-type": "application/x-git-receive-pack-request" },
      Buffer.from("0011shallow 1234")
    ),
    held(
      attack,
      "a fetch that is under way",
      "POST",
      `/git/${project.name}.git/git-upload-pack`,
      { ...basic, "content-type": "application/x-git-upload-pack-request", "git-protocol": "version=2" },
      Buffer.from("0014command=fetch\n")
    ),
    held(
      attack,
      "the project's event stream",
      "GET",
      `/projects/${project.name}/events`,
      { ...bearer, accept: "text/event-stream" },
      null
    ),
    held(attack, "a wait for a command", "GET", `${execPath}?wait=60`, bearer, null),
    held(attack, "a wait for an operation", "GET", `/operations/${running}`, { ...bearer, prefer: "wait=60" }, null),
    polled("a running command", async () => (await attack.api("GET", execPath)).json?.["state"] === "exited"),
    polled("a tree's command", async () =>
      ["failed", "compensation_failed", "cancelled"].includes(
        String((await attack.api("GET", `/operations/${running}`)).json?.["status"])
      )
    )
  ]
}

const judge = async (attack: Attack, how: string, endedAt: number, open: ReadonlyArray<Open>) => {
  for (const { over, what } of open) {
    const at = await over
    attack.held(
      `${what} ends with a key that is ${how}`,
      at !== -1 && at - endedAt <= graceMillis,
      at === -1 ? "it goes on" : `it ended ${at - endedAt} ms after the key`
    )
    attack.held(
      `${what} was there while the key was (${how})`,
      at === -1 || at >= endedAt - 250,
      `it ended ${endedAt - at} ms before the key`
    )
  }
}

const scopes = ["projects:read", "projects:execute", "sessions:read", "sessions:execute", "queue:read"]

export const kind: Kind = {
  name: "derived-credentials",
  promise: "What a key opened ends within 5 s of the key, on every road",
  run: async (attack) => {
    const project = await attack.project()
    const revoked = await attack.newKey({ scopes, projects: [project.name] })
    const open = await openAll(attack, project, revoked.key)
    await new Promise((resolve) => setTimeout(resolve, 3_000))
    await attack.api("DELETE", `/keys/${revoked.id}`)
    await judge(attack, "revoked", Date.now(), open)

    const expiresAt = Date.now() + 12_000
    const made = await attack.must("POST", "/keys", {
      body: { name: "short", scopes, projects: [project.name], expires_at: new Date(expiresAt).toISOString() }
    })
    await judge(attack, "expired", expiresAt, await openAll(attack, project, String(made["key"])))

    const bound = await attack.must("POST", "/keys", { body: { name: "elsewhere", scopes, cidrs: ["10.0.0.0/8"] } })
    const refusedThere = await attack.api("POST", `/projects/${project.name}/git-tokens`, {
      key: String(bound["key"]),
      body: { access: "read" }
    })
    attack.held("a key for other addresses makes no token here", refusedThere.status === 401, refusedThere.text)
    const other = await attack.project()
    const own = await attack.newKey({ scopes, projects: [other.name] })
    const across = await attack.api("POST", `/projects/${project.name}/git-tokens`, {
      key: own.key,
      body: { access: "read" }
    })
    attack.held("a key for another project makes no token here", across.status === 404, across.text)
  }
}
