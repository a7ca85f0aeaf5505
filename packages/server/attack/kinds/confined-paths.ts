/** Builds and services that leave links, pipes and worse where the host looks next. */
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { request } from "node:http"
import { createServer } from "node:net"
import { join } from "node:path"
import type { Attack, Kind, ProjectRef } from "../Attack.ts"

const page = (
  attack: Attack,
  host: string,
  path: string
): Promise<{ readonly status: number; readonly text: string }> =>
  new Promise((resolve, reject) => {
    const asked = request(
      { host: "127.0.0.1", port: attack.server.port, path, headers: { host }, agent: false },
      (answer) => {
        const chunks: Array<Buffer> = []
        answer
          .on("data", (chunk: Buffer) => chunks.push(chunk))
          .on("end", () => resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString("latin1") }))
      }
    )
    asked.on("error", reject).end()
  })

/** Builds that must not be released, with what the refusal has to name. */
const builds = (dataDir: string): ReadonlyArray<readonly [string, string]> => [
  [`rm -rf dist; ln -s ${dataDir} dist`, "dist"],
  ["rm -rf dist; ln -s ../../../../../.. dist", "dist"],
  ["rm -rf dist; ln -s /proc/self/root dist", "dist"],
  [`rm -rf dist; ln -s ${dataDir} b; ln -s b a; ln -s a dist`, "dist"],
  [`mkdir -p dist; echo x > dist/index.html; ln -s ${dataDir} dist/d`, "dist/d"],
  [`mkdir -p dist; echo x > dist/index.html; ln -s ${dataDir}/admin.key dist/k.txt`, "dist/k.txt"],
  ["mkdir -p dist; ln -s /etc/passwd dist/index.html", "dist/index.html"],
  ["mkdir -p dist; rm -f dist/index.html; mkfifo dist/index.html", "dist/index.html"],
  ["mkdir -p dist; echo x > dist/index.html; truncate -s 3G dist/sparse", "dist/sparse"],
  ["mkdir -p dist/a; echo x > dist/index.html; ln -s .. dist/a/up", "dist/a/up"]
]
const secrets = (attack: Attack) =>
  ["admin.key", "pepper", "kek", "platform.key", "git/token.key"].flatMap((name) => {
    try {
      return [readFileSync(join(attack.server.dataDir, name), "latin1").trim().slice(0, 32)]
    } catch {
      // Not every installation has each of them.
      return []
    }
  })
const paths = [
  "/",
  "/admin.key",
  "/pepper",
  "/kek",
  "/platform.key",
  "/d/admin.key",
  "/k.txt",
  "/etc/passwd",
  "/a/up/index.html",
  "/%2e%2e/admin.key",
  "/..%2fadmin.key",
  "//admin.key",
  "/.%00/admin.key",
  "/sparse",
  "/git/token.key"
]

/** The project is without a release afterwards, so that a sync deploys what was pushed. */
const unreleased = async (attack: Attack, project: ProjectRef) => {
  rmSync(join(attack.server.dataDir, "releases", project.id), { recursive: true, force: true })
  await attack.restart()
}
const pushed = async (attack: Attack, folder: string, config: string) => {
  writeFileSync(join(folder, "rdev.yaml"), config)
  for (const args of [
    ["add", "-A"],
    ["commit", "-q", "--allow-empty", "-m", "Change the release"],
    ["push", "-q", "origin", "HEAD"]
  ]) {
    const ran = await attack.git(folder, ...args)
    if (ran.code !== 0) throw new Error(`git ${args[0] ?? ""}: ${ran.output}`)
  }
}
const synced = async (attack: Attack, project: ProjectRef) => {
  const started = await attack.must("POST", `/projects/${project.name}/operations`, {
    body: { kind: "project.sync" },
    headers: { prefer: "wait=60" }
  })
  const id = String(started["operation_id"])
  const open = new Set(["planned", "running", "waiting", "compensating"])
  await attack.until(`/operations/${id}`, (operation) => !open.has(String(operation["status"])), 60)
  return (await attack.api("GET", `/operations/${id}`)).text
}

const tryBuilds = async (attack: Attack, project: ProjectRef, folder: string) => {
  const host = `${project.name}.localhost`
  const known = secrets(attack)
  for (const [script, named] of builds(attack.server.dataDir)) {
    await pushed(attack, folder, `kind: static\nbuild: ${JSON.stringify(script)}\npublish: dist\n`)
    const told = await synced(attack, project)
    attack.held(`${script} is refused`, told.includes(named) && /publish|health/.test(told), told)
    for (const path of paths) {
      const answer = await page(attack, host, path)
      attack.held(
        `${path} after ${script}`,
        answer.status !== 200 &&
          !known.some((secret) => answer.text.includes(secret)) &&
          !answer.text.includes("root:"),
        `answered ${answer.status}`
      )
    }
  }
}

/** The socket of a service becomes a link to a socket of the host's. */
const trySocket = async (attack: Attack, project: ProjectRef, folder: string) => {
  const path = join(attack.temporary(), "other.sock")
  const other = createServer((socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\nnot for you"))
  await new Promise<void>((resolve) => other.listen(path, resolve))
  try {
    writeFileSync(
      join(folder, "server.cjs"),
      `const fs = require("fs"), http = require("http")
http.createServer((q, r) => {
  if (q.url === "/swap") { const s = process.env.HOME + "/edge.sock"; fs.rmSync(s, { force: true }); fs.symlinkSync(${JSON.stringify(path)}, s) }
  r.end("mine")
}).listen(process.env.PORT, process.env.HOST)\n`
    )
    await pushed(attack, folder, "kind: node\nstart: node server.cjs\n")
    const told = await synced(attack, project)
    const host = `${project.name}.localhost`
    attack.held("the service answers", (await page(attack, host, "/")).text === "mine", told)
    await page(attack, host, "/swap")
    for (let i = 0; i < 5; i++)
      attack.held(
        "a socket that became a link is not followed",
        !(await page(attack, host, "/")).text.includes("not for you")
      )
  } finally {
    other.close()
  }
}

/** Roots of trees that are links when the host comes back to them. */
const tryRoots = async (attack: Attack, project: ProjectRef) => {
  const outside = attack.temporary()
  writeFileSync(join(outside, "kept"), "kept")
  await attack.exec(project, "mkdir -p d && echo x > d/f && ln -s / root && chmod 000 d && mkfifo pipe")
  const files = join(attack.server.dataDir, "workspaces", project.id, "main", "files")
  mkdirSync(join(files, "swapped"), { recursive: true })
  rmSync(files, { recursive: true, force: true })
  symlinkSync(outside, files)
  const answer = await attack.api("POST", `/projects/${project.name}/workspace/execs`, {
    body: { command: ["sh", "-c", "cat kept; echo planted > planted"], timeout_seconds: 20 }
  })
  attack.held("a workspace whose folder became a link runs nothing", answer.status >= 400, answer.text)
  await attack.must("POST", `/projects/${project.name}/operations`, {
    body: { kind: "project.delete" },
    headers: { prefer: "wait=60" }
  })
  attack.held("deleting it leaves what the link led to", readFileSync(join(outside, "kept"), "utf8") === "kept")
}

export const kind: Kind = {
  name: "confined-paths",
  promise: "The host never follows a path that a tenant wrote",
  run: async (attack) => {
    const project = await attack.project()
    await unreleased(attack, project)
    const folder = await attack.clone(project)
    await tryBuilds(attack, project, folder)
    await trySocket(attack, project, folder)
    await tryRoots(attack, project)
  }
}
