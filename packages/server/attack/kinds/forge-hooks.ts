/** Somebody who is not the forge posts to the address that is the forge's; and somebody posts again what the forge posted. */
import { createHmac } from "node:crypto"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Answer, Attack, Kind } from "../Attack.ts"

const folder = mkdtempSync(join(tmpdir(), "rdev-attack-hooks-"))
process.once("exit", () => rmSync(folder, { recursive: true, force: true }))
const platform = join(folder, "platform.yaml")
const forge = fileURLToPath(new URL("../../test/process/adapters/posting.ts", import.meta.url))
writeFileSync(platform, `forge: { use: ${forge} }\n`)

interface Hook {
  readonly path: string
  readonly secret: string
  readonly project: string
}
const begin = async (attack: Attack): Promise<Hook> => {
  const { id, name } = await attack.project()
  const { secret, url } = JSON.parse(readFileSync(join(attack.server.dataDir, "posting", `${id}.json`), "utf8")) as {
    readonly secret: string
    readonly url: string
  }
  return { path: new URL(url).pathname, secret, project: name }
}

const signature = (secret: string, body: string | Uint8Array) => createHmac("sha256", secret).update(body).digest("hex")
let made = 0
const headersOf = (secret: string, body: string | Uint8Array, more: Record<string, string> = {}) => ({
  "content-type": "application/json",
  "x-gitea-event": "push",
  "x-gitea-delivery": `d-${++made}`,
  "x-gitea-signature": signature(secret, body),
  ...more
})
const push = (ref: string, after: string) =>
  JSON.stringify({ ref, before: "a".repeat(40), after, pusher: { login: "eve" }, sender: { login: "eve" } })

const code = ({ json }: Answer): unknown => json?.["code"]
const auditOf = async (attack: Attack, { project }: Hook): Promise<string> =>
  JSON.stringify((await attack.must("GET", `/projects/${project}/audit/entries?limit=100`))["entries"])

const unsigned = async (attack: Attack, hook: Hook, other: Hook) => {
  const body = push("refs/heads/main", "b".repeat(40))
  const good = signature(hook.secret, body)
  const wrong: ReadonlyArray<Record<string, string>> = [
    {},
    { "x-gitea-signature": "" },
    { "x-gitea-signature": "0".repeat(64) },
    { "x-gitea-signature": good.slice(0, 63) },
    { "x-gitea-signature": `${good}0` },
    { "x-gitea-signature": `sha256=${good}` },
    { "x-gitea-signature": `${good},${good}` },
    { "x-gitea-signature": [...good].reverse().join("") },
    { "x-gitea-signature": signature(other.secret, body) },
    { "x-gitea-signature": signature("", body) },
    { "x-gitea-signature": createHmac("sha1", hook.secret).update(body).digest("hex") },
    { "x-gitea-signature": createHmac("sha512", hook.secret).update(body).digest("hex") },
    { "x-gitea-signature": createHmac("sha256", hook.secret).update(body).digest("base64") },
    { "x-gitea-signature": signature(hook.secret, `${body} `) },
    { "x-hub-signature": good },
    { "x-hub-signature-256": `sha256=${good}` },
    { authorization: `Bearer ${attack.server.adminKey}` }
  ]
  for (const headers of wrong) {
    const answer = await attack.api("POST", hook.path, {
      key: null,
      raw: body,
      headers: { "x-gitea-event": "push", "x-gitea-delivery": "x", ...headers }
    })
    attack.held(
      "without the secret's signature it is refused",
      code(answer) === "bad-signature",
      JSON.stringify(headers) + answer.text
    )
  }
  const bodies = ["", " ", `${body}\n`, body.replace("main", "evil"), "null", "[]", "\u0000"]
  for (const raw of bodies) {
    const answer = await attack.api("POST", hook.path, {
      key: null,
      raw,
      headers: headersOf("x", body, { "x-gitea-signature": good })
    })
    attack.held(
      "another body is not what was signed",
      code(answer) === "bad-signature",
      JSON.stringify(raw) + answer.text
    )
  }
}

const elsewhere = async (attack: Attack, hook: Hook, other: Hook) => {
  const body = push("refs/heads/main", "c".repeat(40))
  const id = hook.path.split("/").at(-1) ?? ""
  const paths = [
    `/hooks/gitea/hook_${"0".repeat(26)}`,
    `/hooks/gitea/${id.toLowerCase()}`,
    `/hooks/gitea/${id.replace("hook_", "proj_")}`,
    `/hooks/gitea/${id}0`,
    `/hooks/github/${id}`,
    `/hooks/GITEA/${id}`,
    `/hooks/__proto__/${id}`,
    `/hooks/gitea/..%2F..%2Fkeys`,
    `/hooks/gitea/%00`,
    `/hooks/gitea/${id}/more`,
    `/hooks/gitea`,
    `/hooks/gitea/`
  ]
  for (const path of paths) {
    const answer = await attack.api("POST", path, { key: null, raw: body, headers: headersOf(hook.secret, body) })
    attack.held(
      "an address that is nobody's is told as such",
      answer.status === 404 || answer.status === 400,
      `${path} ${answer.status}`
    )
  }
  const crossed = await attack.api("POST", other.path, { key: null, raw: body, headers: headersOf(hook.secret, body) })
  attack.held("one project's secret opens no other's", code(crossed) === "bad-signature", crossed.text)
  for (const method of ["GET", "PUT", "PATCH", "DELETE"]) {
    const answer = await attack.api(method, hook.path, { key: null, headers: headersOf(hook.secret, "") })
    attack.held("it is posted to, and nothing else", answer.status === 405, `${method} ${answer.status}`)
  }
}

const malformed = async (attack: Attack, hook: Hook) => {
  const send = (raw: string | Uint8Array, more: Record<string, string> = {}) =>
    attack.api("POST", hook.path, { key: null, raw, headers: headersOf(hook.secret, raw, more) })
  for (const raw of [
    "",
    "{",
    "{}",
    "null",
    "[]",
    '"x"',
    `{"ref":1}`,
    push("refs/heads/main", "zz"),
    "{}{}",
    "\ufeff{}",
    "[".repeat(50_000)
  ]) {
    const answer = await send(raw)
    attack.held(
      "a signed body that is no push says where",
      code(answer) === "invalid-input",
      raw.slice(0, 40) + answer.text
    )
  }
  const invalid = await send(new Uint8Array([0x7b, 0xff, 0x7d]))
  attack.held("a body that is no text says so", code(invalid) === "invalid-input", invalid.text)
  for (const event of ["wiki", "constructor", "__proto__", "release", "to_string"]) {
    const answer = await send(push("refs/heads/main", "d".repeat(40)), { "x-gitea-event": event })
    attack.held("an event that is none of ours is ignored", answer.json?.["outcome"] === "ignored", event + answer.text)
  }
  for (const more of [
    { "x-gitea-event": "" },
    { "x-gitea-event": "Push" },
    { "x-gitea-delivery": "" },
    { "x-gitea-delivery": "a b" },
    { "x-gitea-delivery": "x".repeat(300) }
  ]) {
    const answer = await send(push("refs/heads/main", "e".repeat(40)), more)
    attack.held(
      "a header that Gitea does not send is told",
      code(answer) === "invalid-input",
      JSON.stringify(more) + answer.text
    )
  }
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/xml"]) {
    const answer = await send(push("refs/heads/main", "f".repeat(40)), { "content-type": type })
    attack.held("it is JSON", answer.status === 415, `${type} ${answer.status}`)
  }
  const packed = await send(push("refs/heads/main", "f".repeat(40)), { "content-encoding": "gzip" })
  attack.held("and nothing packed", packed.status === 415, packed.text)
  const large = `{"x":"${"y".repeat(4 * 1024 * 1024)}"}`
  // The rest of the body is not read: a client that still writes may see the connection end.
  const tooLarge = await send(large).catch(() => null)
  attack.held(
    "a body beyond the bound is refused",
    tooLarge === null || code(tooLarge) === "too-large",
    `${tooLarge?.status}`
  )
}

const again = async (attack: Attack, hook: Hook) => {
  const body = push("refs/heads/topic", "1".repeat(40))
  const headers = headersOf(hook.secret, body)
  const first = await attack.api("POST", hook.path, { key: null, raw: body, headers })
  attack.held("the forge's own word is taken", first.json?.["outcome"] === "recorded", first.text)
  const before = await auditOf(attack, hook)
  const tries = [
    ...Array.from({ length: 6 }, () => headers),
    ...Array.from({ length: 6 }, () => headersOf(hook.secret, body))
  ]
  const answers = await Promise.all(
    tries.map((one) => attack.api("POST", hook.path, { key: null, raw: body, headers: one }))
  )
  for (const answer of answers)
    attack.held(
      "the same word again, under any id, is a duplicate",
      answer.json?.["outcome"] === "duplicate",
      answer.text
    )
  const sameId = push("refs/heads/other", "2".repeat(40))
  const other = await attack.api("POST", hook.path, {
    key: null,
    raw: sameId,
    headers: { ...headersOf(hook.secret, sameId), "x-gitea-delivery": headers["x-gitea-delivery"] }
  })
  attack.held("nor does another body under its id count", other.json?.["outcome"] === "duplicate", other.text)
  attack.held("and nothing more is on record", (await auditOf(attack, hook)) === before)
  const old = JSON.stringify({
    action: "opened",
    number: 1,
    issue: { number: 1, updated_at: "2020-01-01T00:00:00Z" },
    sender: { login: "eve" }
  })
  const kept = await attack.api("POST", hook.path, {
    key: null,
    raw: old,
    headers: headersOf(hook.secret, old, { "x-gitea-event": "issues" })
  })
  attack.held("what was kept for long is old", kept.json?.["outcome"] === "old", kept.text)
}

const run = async (attack: Attack): Promise<void> => {
  const [hook, other] = [await begin(attack), await begin(attack)]
  const before = await auditOf(attack, hook)
  await unsigned(attack, hook, other)
  await elsewhere(attack, hook, other)
  await malformed(attack, hook)
  attack.held("nothing of it is on record", (await auditOf(attack, hook)) === before)
  await again(attack, hook)
  const spent = await attack.must("GET", `/projects/${hook.project}`)
  attack.held("the secret is shown nowhere", !JSON.stringify(spent).includes(hook.secret))
}

export const kind: Kind = {
  name: "forge-hooks",
  promise: "nobody but the forge is taken for it, and what it said counts once",
  environment: { RDEV_PLATFORM: platform },
  run
}
