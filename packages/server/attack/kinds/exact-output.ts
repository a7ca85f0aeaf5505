/** A command prints whatever bytes it likes, as much as it likes; what is read afterwards, by any offset, are those bytes and no secret. */
import { createHash } from "node:crypto"
import type { Attack, Kind, ProjectRef } from "../Attack.ts"

interface Read {
  readonly status: number
  readonly bytes: Buffer
  readonly offset: number
  readonly next: number
  readonly size: number
  readonly dropped: number
  readonly ended: string | null
}
const digest = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex")

const read = async (
  attack: Attack,
  project: ProjectRef,
  exec: string,
  query: string,
  key = attack.server.adminKey
): Promise<Read> => {
  const response = await fetch(
    `${attack.server.url}/projects/${project.name}/workspace/execs/${exec}/output?${query}`,
    { headers: { authorization: `Bearer ${key}` } }
  )
  const number = (name: string) => Number(response.headers.get(`rdev-output-${name}`))
  return {
    status: response.status,
    bytes: Buffer.from(await response.arrayBuffer()),
    offset: number("offset"),
    next: number("next"),
    size: number("size"),
    dropped: number("dropped"),
    ended: response.headers.get("rdev-output-ended")
  }
}
const whole = async (
  attack: Attack,
  project: ProjectRef,
  exec: string,
  stream: string,
  limit: number
): Promise<Buffer> => {
  const parts: Array<Buffer> = []
  for (let offset = 0; ;) {
    const page = await read(attack, project, exec, `stream=${stream}&offset=${offset}&limit=${limit}`)
    if (page.status !== 200)
      throw new Error(`reading at ${offset} answered ${page.status}: ${page.bytes.toString("utf8").slice(0, 300)}`)
    parts.push(page.bytes)
    if (page.next >= page.size) return Buffer.concat(parts)
    offset = page.next
  }
}
const run = async (
  attack: Attack,
  project: ProjectRef,
  script: string,
  env: Readonly<Record<string, string>> = {}
): Promise<string> => {
  const started = await attack.api("POST", `/projects/${project.name}/workspace/execs`, {
    body: { command: ["sh", "-c", script], timeout_seconds: 120, env }
  })
  if (started.json === null || started.status !== 201)
    throw new Error(`the command was not started: ${started.status} ${started.text}`)
  const id = String(started.json["id"])
  for (;;) {
    const now = await attack.api("GET", `/projects/${project.name}/workspace/execs/${id}?wait=60`)
    if (now.json?.["state"] === "exited") return id
    if (now.status !== 200) throw new Error(`${id} answered ${now.status}`)
  }
}

/** What is printed, and the same bytes made here. */
const patterns: Readonly<Record<string, readonly [script: string, bytes: Buffer]>> = {
  "NUL bytes": ["head -c 100000 /dev/zero", Buffer.alloc(100_000)],
  "0xff": ["head -c 70000 /dev/zero | tr '\\0' '\\377'", Buffer.alloc(70_000, 0xff)],
  "halves of characters": [
    "printf '\\303'; sleep 0.1; printf '\\244\\342\\202'; sleep 0.1; printf '\\254\\355\\240\\200'",
    Buffer.from([0xc3, 0xa4, 0xe2, 0x82, 0xac, 0xed, 0xa0, 0x80])
  ],
  "no UTF-8": [
    "printf '\\200\\277\\300\\301\\365\\376\\370\\210'",
    Buffer.from([0x80, 0xbf, 0xc0, 0xc1, 0xf5, 0xfe, 0xf8, 0x88])
  ],
  "terminal sequences": [
    "printf '\\033[31mred\\033[0m\\033]0;title\\007\\010\\010\\r\\n\\r'",
    Buffer.from("\u001b[31mred\u001b[0m\u001b]0;title\u0007\b\b\r\n\r")
  ],
  "line ends of all kinds": [
    "printf 'a\\r\\nb\\rc\\n\\n\\vd\\f\\302\\205\\342\\200\\250e'",
    Buffer.from("a\r\nb\rc\n\n\vd\f\u0085\u2028e")
  ],
  escapes: ["printf '%%41%%\\\\u0041\\\\x41&#65;&amp;%%%%=3D\\\\'", Buffer.from("%41%\\u0041\\x41&#65;&amp;%%=3D\\")],
  "no line end": ["printf x", Buffer.from("x")],
  nothing: ["true", Buffer.alloc(0)],
  "one long line": ["head -c 300000 /dev/zero | tr '\\0' a", Buffer.alloc(300_000, "a")],
  "a mask of its own": ["printf '***\\n***'", Buffer.from("***\n***")]
}

const tryPatterns = async (attack: Attack, project: ProjectRef) => {
  for (const [name, [script, bytes]] of Object.entries(patterns)) {
    const id = await run(attack, project, script)
    for (const limit of bytes.byteLength > 1_000 ? [40_000, 4_194_304] : [1, 7, 4_194_304]) {
      const found = await whole(attack, project, id, "stdout", limit)
      attack.held(
        `${name}: the same bytes by pages of ${limit}`,
        found.equals(bytes),
        `${found.byteLength} of ${bytes.byteLength} bytes: ${found.subarray(0, 60).toString("hex")}`
      )
    }
    const page = await read(attack, project, id, "stream=both")
    attack.held(
      `${name}: sizes and end are told`,
      page.size === bytes.byteLength && page.dropped === 0 && page.ended === "true"
    )
  }
}

const tryLarge = async (attack: Attack, project: ProjectRef) => {
  const id = await run(
    attack,
    project,
    "head -c 20000000 /dev/urandom > big; cat big; sha256sum big | cut -c1-64 | tr -d '\\n' >&2"
  )
  const expected = (await whole(attack, project, id, "stderr", 1_000)).toString()
  attack.held(
    "20 MB of random bytes are the same",
    digest(await whole(attack, project, id, "stdout", 4_194_304)) === expected
  )
  const both = await whole(attack, project, id, "both", 4_194_304)
  attack.held("both streams hold all of it", both.byteLength === 20_000_064, `${both.byteLength}`)
  const first = await read(attack, project, id, "stream=stdout&offset=0&limit=300000")
  for (const offset of [1, 21, 65_535, 65_536, 131_072, 299_999]) {
    const page = await read(attack, project, id, `stream=stdout&offset=${offset}&limit=100`)
    attack.held(
      `from offset ${offset} on`,
      page.offset === offset &&
        page.bytes.subarray(0, 300_000 - offset).equals(first.bytes.subarray(offset, offset + 100))
    )
  }
  await attack.restart("SIGKILL")
  attack.held("they survive the server", digest(await whole(attack, project, id, "stdout", 4_194_304)) === expected)
  const much = await run(attack, project, "printf begin; head -c 72000000 /dev/zero; printf end")
  const head = await read(attack, project, much, "stream=stdout&limit=10")
  const { size } = head
  const tail = await read(attack, project, much, `stream=stdout&offset=${size - 10}`)
  attack.held(
    "of too much the beginning and the end are kept",
    head.bytes.toString().startsWith("begin") && tail.bytes.toString().endsWith("end") && size === 72_000_008
  )
  const gap = await read(attack, project, much, "stream=stdout&offset=36000000&limit=10")
  attack.held(
    "what is missing is told",
    head.dropped > 4_000_000 && gap.offset > 36_000_000 && gap.bytes.byteLength === 10,
    `${head.dropped} dropped, ${gap.offset}`
  )
}

const secret = "s3cr3t-Passw0rd/of+Attack"
const trySecrets = async (attack: Attack, project: ProjectRef) => {
  const forms: Readonly<Record<string, string>> = {
    plain: "printf '\\0\\377%s\\0' \"$PASSWORD\"",
    "in two writes": "printf '\\0s3cr3t-Pas'; sleep 0.2; printf 'sw0rd/of+Attack\\0'",
    "letter by letter": "for c in s 3 c r 3 t - P a s s w 0 r d / o f + A t t a c k; do printf $c; done",
    "behind 64 KiB less 9 bytes": 'head -c 65527 /dev/zero; printf %s "$PASSWORD"',
    "as base64": 'printf %s "$PASSWORD" | base64 -w0',
    "as hex": "printf %s \"$PASSWORD\" | od -An -tx1 -v | tr -d ' \\n'",
    "on stderr": 'printf %s "$PASSWORD" >&2'
  }
  const banned = [
    secret,
    Buffer.from(secret).toString("base64").replaceAll("=", ""),
    Buffer.from(secret).toString("hex")
  ]
  for (const [name, script] of Object.entries(forms)) {
    const id = await run(attack, project, script, { PASSWORD: secret })
    const found = await whole(attack, project, id, "both", 4_194_304)
    attack.held(
      `a secret ${name} is masked`,
      !banned.some((text) => found.includes(text)) && found.includes("***"),
      found.subarray(-80).toString("latin1")
    )
  }
}

const tryAccess = async (attack: Attack, project: ProjectRef) => {
  const id = await run(attack, project, "echo mine")
  const [other, reader, stranger] = [
    await attack.project(),
    await attack.newKey({ scopes: ["sessions:read"] }),
    await attack.newKey({ scopes: ["queue:read"] })
  ]
  const outsider = await attack.newKey({ scopes: ["sessions:read"], projects: [other.name] })
  const status = async (query: string, key?: string, of = project, exec = id) =>
    (await read(attack, of, exec, query, key)).status
  attack.held("a key that may read sessions reads", (await status("", reader.key)) === 200)
  attack.held("a key without the scope does not", (await status("", stranger.key)) === 403)
  attack.held("another project's key sees nothing", (await status("", outsider.key)) === 404)
  attack.held("no other project has it", (await status("", undefined, other)) === 404)
  attack.held("a command that is not there", (await status("", undefined, project, `exec_${"0".repeat(26)}`)) === 404)
  for (const query of [
    "offset=6",
    "offset=-1",
    "offset=1.5",
    "offset=1e3",
    "offset=99999999999999999999",
    "limit=0",
    "limit=4194305",
    "stream=stdin",
    "stream=stdout&stream=stderr",
    "range=1",
    "offset=%00"
  ]) {
    const answered = await status(query)
    attack.held(`${query} is refused`, answered === (/^offset=\d{1,15}$/.test(query) ? 422 : 400), String(answered))
  }
  for (const exec of ["..%2f..%2fadmin.key", "exec_..", "%2e%2e"])
    attack.held(`${exec} names no command`, [400, 404].includes(await status("", undefined, project, exec)))
  const gone = await attack.api("DELETE", `/projects/${other.name}`)
  attack.held("a project is deleted with what it printed", gone.status === 202, String(gone.status))
}

export const kind: Kind = {
  name: "exact-output",
  promise: "What a command prints is kept byte for byte within its bound, and no secret in it",
  run: async (attack) => {
    const project = await attack.project()
    await tryPatterns(attack, project)
    await trySecrets(attack, project)
    await tryAccess(attack, project)
    await tryLarge(attack, project)
  }
}
