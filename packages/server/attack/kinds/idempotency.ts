import type { Answer, Attack, Kind } from "../Attack.ts"
import * as RawSocket from "../RawSocket.ts"

const tree = (name: string) =>
  JSON.stringify({ text: `name: ${name}\nsteps: [{ id: q, action: ask, question: "go on?" }]` })
const pause = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))

/** Asks with the key until the answer is more than "wait". */
const told = async (attack: Attack, path: string, raw: string, key: string): Promise<Answer> => {
  for (let asked = 0; ; asked++) {
    const answer = await attack.api("POST", path, { raw, headers: { "idempotency-key": key } })
    if (answer.json?.["code"] !== "idempotency-in-flight" || asked > 100) return answer
    await pause(100)
  }
}
const everything = async (
  attack: Attack,
  path: string,
  list: string
): Promise<ReadonlyArray<Record<string, unknown>>> => {
  const found: Array<Record<string, unknown>> = []
  for (let cursor = ""; ;) {
    const page = await attack.must("GET", `${path}limit=100${cursor}`)
    found.push(...(page[list] as ReadonlyArray<Record<string, unknown>>))
    if (typeof page["next_cursor"] !== "string") return found
    cursor = `&cursor=${page["next_cursor"]}`
  }
}
const head = (attack: Attack, path: string, body: string, key: string) =>
  [
    `POST ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${attack.server.port}`,
    `Authorization: Bearer ${attack.server.adminKey}`,
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    `Idempotency-Key: ${key}`
  ].join("\r\n")

const operations = (attack: Attack) => everything(attack, "/operations?kind=tree.run&", "operations")

const brokenOff = async (attack: Attack) => {
  const ids = new Set<string>()
  for (let batch = 0; batch < 4; batch++) {
    await Promise.all(
      Array.from({ length: 30 }, async (_, i) => {
        const cut = RawSocket.cuts[i % RawSocket.cuts.length] ?? "reset"
        const [key, body] = [`cut-${batch}-${i}`, tree(`cut-${batch}-${i}`)]
        await RawSocket.cutOff(attack.server.port, head(attack, "/trees/runs", body, key), body, cut)
        await RawSocket.cutOff(attack.server.port, head(attack, "/trees/runs", body, key), body, cut)
        const answer = await told(attack, "/trees/runs", body, key)
        attack.held(`a request that broke off (${cut}) is answered to the next`, answer.status === 202, answer.text)
        ids.add(String(answer.json?.["operation_id"]))
      })
    )
  }
  const started = await operations(attack)
  attack.held(
    "each key started one operation",
    started.length === ids.size && started.every(({ id }) => ids.has(String(id))),
    `${started.length} operations of ${ids.size} keys`
  )
}

const inParallel = async (attack: Attack) => {
  for (const path of ["/keys", "/api/v1/keys", "/%6beys", "/keys?"]) {
    const raw = JSON.stringify({ name: "parallel", scopes: ["projects:read"] })
    const answers = await Promise.all(Array.from({ length: 20 }, () => told(attack, path, raw, "parallel")))
    attack.held(
      `20 at once over ${path} make one key`,
      new Set(answers.map(({ json }) => json?.["key"])).size === 1 && answers.every(({ status }) => status === 201)
    )
  }
  const made = (await everything(attack, "/keys?", "keys")).filter(({ name }) => name === "parallel")
  attack.held("all spellings of a target are one", made.length === 1, `${made.length} keys`)
}

const killed = async (attack: Attack) => {
  const before = (await operations(attack)).length
  const sent = Array.from({ length: 16 }, (_, i) =>
    attack
      .api("POST", "/trees/runs", { raw: tree(`kill-${i}`), headers: { "idempotency-key": `kill-${i}` } })
      .catch(() => null)
  )
  const keyed = Array.from({ length: 8 }, (_, i) =>
    attack
      .api("POST", "/keys", {
        body: { name: `kill-${i}`, scopes: ["projects:read"] },
        headers: { "idempotency-key": `kill-${i}` }
      })
      .catch(() => null)
  )
  await Promise.race(sent)
  await attack.restart("SIGKILL")
  const first = await Promise.all(sent)
  for (const [i, earlier] of first.entries()) {
    const answer = await told(attack, "/trees/runs", tree(`kill-${i}`), `kill-${i}`)
    attack.held("a killed server's request is answered by the next", answer.status === 202, answer.text)
    if (earlier !== null && earlier.status === 202)
      attack.held(
        "with the answer of the first",
        answer.json?.["operation_id"] === earlier.json?.["operation_id"],
        `${answer.text} after ${earlier.text}`
      )
  }
  const after = (await operations(attack)).length
  attack.held("16 keys over a kill start 16 operations", after - before === 16, String(after - before))
  await Promise.all(keyed)
  for (let i = 0; i < keyed.length; i++) {
    const answer = await told(
      attack,
      "/keys",
      JSON.stringify({ name: `kill-${i}`, scopes: ["projects:read"] }),
      `kill-${i}`
    )
    attack.held(
      "what is no operation is answered, or refused as unknown",
      answer.status === 201 || answer.json?.["code"] === "idempotency-unknown",
      answer.text
    )
  }
  const names = (await everything(attack, "/keys?", "keys"))
    .map(({ name }) => String(name))
    .filter((name) => name.startsWith("kill-"))
  attack.held("and never made twice", new Set(names).size === names.length, names.join(" "))
}

export const kind: Kind = {
  name: "idempotency",
  promise: "However a request breaks off, its Idempotency-Key takes effect at most once, and an operation exactly once",
  environment: { RDEV_UNSAFE_HOST: "true" },
  run: async (attack) => {
    await brokenOff(attack)
    await inParallel(attack)
    await killed(attack)
  }
}
