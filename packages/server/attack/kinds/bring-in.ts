import { createServer, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"
import type { Attack, Kind } from "../Attack.ts"

/** Stands for what only the server can reach. */
const inside = async () => {
  const met: Array<string> = []
  const server = createServer((request: IncomingMessage, response) => {
    met.push(`${request.method} ${request.url}`)
    response.writeHead(200, { "content-type": "text/plain" }).end("inside-canary-Zq7W")
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return { met, port: (server.address() as AddressInfo).port, stop: () => server.close() }
}

const hosts = [
  "127.0.0.1",
  "127.1",
  "127.0.1",
  "2130706433",
  "017700000001",
  "0x7f000001",
  "0x7f.0.0.1",
  "0",
  "0.0.0.0",
  "localhost",
  "LOCALHOST",
  "localhost.",
  "[::1]",
  "[::]",
  "[0:0:0:0:0:ffff:127.0.0.1]",
  "[::ffff:7f00:1]",
  "[64:ff9b::7f00:1]",
  "169.254.169.254",
  "10.0.0.1",
  "192.168.0.1",
  "172.16.0.1",
  "100.64.0.1",
  "①②⑦.0.0.1"
]
const forms: ReadonlyArray<(port: number) => string> = [
  () => "file:///etc/passwd",
  () => "file:///proc/self/environ",
  () => "/etc",
  () => "../../etc",
  () => "ext::sh -c 'touch /tmp/x'",
  () => "ext::sh%20-c%20id",
  () => "fd::3",
  () => "git://127.0.0.1/x",
  () => "ssh://-oProxyCommand=id/x",
  () => "ssh://git@127.0.0.1/x",
  () => "git@127.0.0.1:x.git",
  () => "--upload-pack=id",
  () => "-u id",
  () => "ftp://127.0.0.1/x",
  () => "data:text/plain,x",
  () => "javascript:1",
  (port) => `https://github.com@127.0.0.1:${port}/x.git`,
  (port) => `http://u:p@127.0.0.1:${port}/x.git`,
  (port) => `http://127.0.0.1:${port}/x.git?service=git-upload-pack`,
  (port) => `http://127.0.0.1:${port}/x.git#y`,
  (port) => `http://127.0.0.1:${port}/x.git\n--upload-pack=id`,
  (port) => `http://127.0.0.1:${port}/x.git\u0000y`,
  (port) => `http://127.0.0.1:${port}\\@github.com/x.git`,
  (port) => `http:127.0.0.1:${port}/x.git`,
  (port) => `http:///127.0.0.1:${port}/x.git`
]
const branches = [
  "-x",
  "--help",
  "a..b",
  "a b",
  "refs/heads/x",
  "HEAD",
  "@{-1}",
  "x.lock",
  "a\nb",
  "\u202emain",
  "a".repeat(300)
]
const tokens: ReadonlyArray<unknown> = [
  { env: "PATH" },
  { env: "RDEV_KEY_PEPPER" },
  { env: "RDEV_DATABASE_URL" },
  { env: "RDEV_SOURCE_ALLOW" },
  { env: "RDEV_SOURCE_TOKEN " },
  { env: "RDEV_SOURCE_TOKEN\nPATH" },
  { env: "RDEV_SOURCE_TOKEN_NOT_SET" },
  { env: "__proto__" },
  { file: "/etc/passwd" },
  { value: "" },
  { value: "a".repeat(5000) },
  { value: "x", env: "PATH" },
  "x",
  null
]

const refused = async (attack: Attack, what: string, repository: unknown) => {
  const answer = await attack.api("POST", "/projects", { body: { name: "brought", repository } })
  attack.held(
    `${what} is refused with the field`,
    answer.status >= 400 && answer.status < 500 && /repository/.test(answer.text) && !answer.text.includes("canary"),
    `${answer.status} ${answer.text}`
  )
}

const run = async (attack: Attack) => {
  const { met, port, stop } = await inside()
  try {
    for (const host of hosts) await refused(attack, `a repository at ${host}`, { url: `http://${host}:${port}/x.git` })
    for (const form of forms) await refused(attack, `the URL ${JSON.stringify(form(port))}`, { url: form(port) })
    for (const branch of branches)
      await refused(attack, `the branch ${JSON.stringify(branch.slice(0, 20))}`, { url: null, branch })
    for (const token of tokens)
      await refused(attack, `the token ${JSON.stringify(token).slice(0, 40)}`, {
        url: `http://127.0.0.1:${port}/x.git`,
        token
      })
    attack.held("nothing inside was asked", met.length === 0, met.join(", "))
    const { json } = await attack.api("GET", "/projects")
    const made = (json?.["projects"] ?? []) as ReadonlyArray<unknown>
    attack.held("no project was made", made.length === 0, JSON.stringify(made).slice(0, 200))
  } finally {
    stop()
  }
}

export const kind: Kind = {
  name: "bring-in",
  promise: "A repository is brought in from public hosts alone, by http and https, with no secret of the server's.",
  run
}
