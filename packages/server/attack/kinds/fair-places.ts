/** One project takes all the room for git that it can get, and publishes files that are all holes; others work on. */
import { readdirSync, statSync, writeFileSync } from "node:fs"
import { request } from "node:http"
import { join } from "node:path"
import type { Attack, Kind, ProjectRef } from "../Attack.ts"

const tokenOf = async (attack: Attack, project: ProjectRef, key: string) => {
  const made = await attack.must("POST", `/projects/${project.name}/git-tokens`, { key, body: { access: "write" } })
  return `Basic ${Buffer.from(`rdev:${String(made["token"])}`).toString("base64")}`
}

interface Stalled {
  readonly status: Promise<number>
  readonly end: () => void
}
/** A push that has begun and goes on for ever. */
const stalled = (attack: Attack, project: ProjectRef, authorization: string): Stalled => {
  const sent = request(`${attack.server.url}/git/${project.name}.git/git-receive-pack`, {
    method: "POST",
    agent: false,
    headers: { authorization, "content-type": "application/x-git-receive-pack-request" }
  })
  sent.write("0011shallow 1234")
  return {
    status: new Promise((resolve) => {
      sent.on("response", (response) => {
        response.resume()
        resolve(response.statusCode ?? 0)
      })
      sent.on("error", () => resolve(-1))
    }),
    end: () => {
      sent.destroy()
    }
  }
}

const asked = (attack: Attack, project: ProjectRef, authorization: string) =>
  fetch(`${attack.server.url}/git/${project.name}.git/info/refs?service=git-upload-pack`, {
    headers: { authorization },
    signal: AbortSignal.timeout(15_000)
  }).then(
    (response) => response.status,
    () => 0
  )

const tryGit = async (attack: Attack) => {
  const scopes = ["projects:read", "projects:execute"]
  const [greedy, second, other] = [await attack.project(), await attack.project(), await attack.project()]
  const keys = [await attack.newKey({ scopes }), await attack.newKey({ scopes })]
  const own = await attack.newKey({ scopes })
  const mine = await tokenOf(attack, other, own.key)
  const held: Array<Stalled> = []
  for (const project of [greedy, second])
    for (const { key } of keys) {
      const authorization = await tokenOf(attack, project, key)
      for (let i = 0; i < 30; i++) held.push(stalled(attack, project, authorization))
    }
  const first = await Promise.race(held.map(({ status }) => status))
  attack.held("who asks for more than its share is told so", first === 429, `answered ${first}`)
  for (let i = 0; i < 20; i++) {
    const status = await asked(attack, other, mine)
    attack.held(
      "another project is served beside two that take what they can get",
      status === 200,
      `answered ${status}`
    )
  }
  const health = await attack.api("GET", "/health", { key: null })
  attack.held("the server answers", health.status === 200, health.text)
  for (const one of held) one.end()
  await Promise.all(held.map(({ status }) => status))
  const again = await asked(attack, greedy, await tokenOf(attack, greedy, keys[0]?.key ?? ""))
  attack.held("places are given back", again === 200, `answered ${again}`)
}

const blocksBelow = (folder: string): number =>
  readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).blocks * 512, 0)

/** Files that hold nothing, and what the copy of them takes. */
const tryHoles = async (attack: Attack) => {
  const project = await attack.project()
  const folder = await attack.clone(project)
  const releases = join(attack.server.dataDir, "releases", project.id)
  const build =
    "mkdir -p dist; echo x > dist/index.html; truncate -s 1500M dist/hole; for i in 1 2 3 4 5 6 7 8 9; do truncate -s 40K dist/small$i; done; echo x | dd of=dist/spread bs=1 seek=300000000 2>/dev/null"
  writeFileSync(join(folder, "rdev.yaml"), `kind: static\nbuild: ${JSON.stringify(build)}\npublish: dist\n`)
  for (const args of [
    ["add", "-A"],
    ["commit", "-q", "-m", "Publish holes"],
    ["push", "-q", "origin", "HEAD"]
  ]) {
    const ran = await attack.git(folder, ...args)
    if (ran.code !== 0) throw new Error(`git ${args[0] ?? ""}: ${ran.output}`)
  }
  const before = blocksBelow(releases)
  const names = () => readdirSync(releases, { recursive: true, encoding: "utf8" })
  const started = await attack.must("POST", `/projects/${project.name}/operations`, {
    body: { kind: "project.sync" },
    headers: { prefer: "wait=60" }
  })
  await attack.until(
    `/operations/${String(started["operation_id"])}`,
    (operation) => !["planned", "running", "waiting", "compensating"].includes(String(operation["status"])),
    60
  )
  const grew = blocksBelow(releases) - before
  attack.held("holes take no room when they are published", grew < 50_000_000, `${grew} bytes, ${names().length} names`)
}

export const kind: Kind = {
  name: "fair-places",
  promise: "Nobody takes all places or room of what others need too",
  run: async (attack) => {
    await tryGit(attack)
    await tryHoles(attack)
  }
}
