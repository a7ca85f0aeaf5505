/** One key asks more than it may, in every spelling of itself and of its requests; others must not notice. */
import { createHash } from "node:crypto"
import type { Answer, Attack, Kind } from "../Attack.ts"

const limit = 60

const headersFit = ({ headers, status }: Answer): boolean => {
  const left = /^"key";r=(\d+);t=(\d+)$/.exec(headers.get("ratelimit") ?? "")
  return (
    headers.get("ratelimit-policy") === `"key";q=${limit};w=60` &&
    left !== null &&
    Number(left[1]) < limit &&
    Number(left[2]) <= 61 &&
    (status !== 429 || (left[1] === "0" && /^[1-9]\d?$/.test(headers.get("retry-after") ?? "")))
  )
}

/** Requests of one key, spelt differently: they are one key's all the same. */
const spellings = (key: string): ReadonlyArray<{ readonly path: string; readonly headers: Record<string, string> }> => [
  { path: "/templates", headers: { authorization: `Bearer ${key}` } },
  { path: "/templates?x=", headers: { authorization: `bearer ${key}` } },
  { path: "/api/v1/templates", headers: { authorization: `BEARER ${key}` } },
  { path: "/projects", headers: { authorization: `Bearer  ${key}` } },
  { path: "/projects/none", headers: { authorization: `Bearer ${key} ` } },
  { path: "/projects", headers: { authorization: `Bearer ${key}`, "x-forwarded-for": "192.0.2.7" } },
  { path: "/projects", headers: { authorization: `Bearer ${key}`, forwarded: "for=192.0.2.8" } },
  { path: "/projects", headers: { authorization: `Bearer ${key}`, "x-real-ip": "192.0.2.9" } },
  { path: "/projects", headers: { authorization: `Bearer ${key}`, "x-request-id": "another" } },
  { path: "/keys", headers: { authorization: `Bearer ${key}` } }
]

const spent = async (attack: Attack, key: string) => {
  const answers = await Promise.all(
    Array.from({ length: 4 * limit }, (_, i) => {
      const { headers, path } = spellings(key)[i % spellings(key).length] ?? { path: "/projects", headers: {} }
      return attack.api(i % 7 === 0 ? "HEAD" : "GET", path, { key: null, headers })
    })
  )
  return answers
}

const run = async (attack: Attack): Promise<void> => {
  const scopes = ["projects:read"]
  const [greedy, other, writer] = [
    await attack.newKey({ scopes }),
    await attack.newKey({ scopes }),
    await attack.newKey({ scopes: ["projects:read", "projects:execute"] })
  ]
  const began = performance.now()
  const answers = await spent(attack, greedy.key)
  const known = answers.filter(({ status }) => status !== 401)
  const through = known.filter(({ status }) => status !== 429)
  const back = Math.ceil((performance.now() - began) / 1000) + 1
  attack.held(
    "no more get through than the quota and what came back",
    through.length <= limit + back,
    `${through.length}`
  )
  attack.held("the whole quota gets through", through.length >= limit, `${through.length}`)
  for (const answer of known)
    attack.held(
      "every answer says what is left",
      headersFit(answer),
      `${answer.status} ${answer.headers.get("ratelimit")}`
    )
  for (const answer of known.filter(({ status, text }) => status === 429 && text !== ""))
    attack.held("a refusal is a problem with its code", answer.json?.["code"] === "rate-limited", answer.text)

  const calm = await attack.api("GET", "/projects", { key: other.key })
  attack.held("another key notices nothing", calm.status === 200 && headersFit(calm), `${calm.status}`)
  for (const path of ["/health", "/", "/openapi.json", "/metrics"]) {
    const { status } = await attack.api("GET", path, { key: null })
    attack.held(`${path} is answered without a key`, status === 200, `${status}`)
  }

  // Keys that are none take nothing of the quota of one that is alike.
  const alike = [
    `${other.key}x`,
    other.key.slice(0, -1),
    other.key.toUpperCase(),
    `${other.id}`,
    `rdev.${other.id}.9999999999999.${createHash("sha256").update("x").digest("hex")}`
  ]
  for (const key of alike)
    for (let i = 0; i < 15; i++) {
      const { status } = await attack.api("GET", "/projects", { key })
      attack.held("a key that is none is refused as such", status === 401, `${status}`)
    }
  const still = await attack.api("GET", "/projects", { key: other.key })
  attack.held("and the key has its quota still", still.status === 200, `${still.status}`)

  // What is refused did not happen, with an Idempotency-Key or without, and the key may be used again later.
  await spent(attack, writer.key)
  for (let i = 0; i < 8; i++) {
    const { status } = await attack.api("POST", "/projects", {
      key: writer.key,
      body: { name: `over-${i}` },
      headers: i % 2 === 0 ? { "idempotency-key": `over-${i}` } : {}
    })
    if (status !== 429) continue
    const found = await attack.api("GET", `/projects/over-${i}`)
    attack.held("a refused POST made nothing", found.status === 404, `${found.status}`)
  }
}

export const kind: Kind = {
  name: "rate-limits",
  promise: "no spelling of a key or a request gets more through than the key's quota, and no key uses up another's",
  environment: { RDEV_RATE_LIMIT: String(limit) },
  run
}
