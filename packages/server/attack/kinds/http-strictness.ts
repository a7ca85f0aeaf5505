import type { Attack, Kind } from "../Attack.ts"
import * as RawSocket from "../RawSocket.ts"

const lines = (attack: Attack, more: ReadonlyArray<string>) =>
  [
    `Host: 127.0.0.1:${attack.server.port}`,
    "Connection: close",
    `Authorization: Bearer ${attack.server.adminKey}`,
    ...more
  ].join("\r\n")
const ask = (attack: Attack, start: string, more: ReadonlyArray<string> = [], content: string | Uint8Array = "") =>
  RawSocket.exchange(attack.server.port, `${start} HTTP/1.1\r\n${lines(attack, more)}\r\n\r\n`, content)
const post = (attack: Attack, content: string | Uint8Array, more: ReadonlyArray<string> = []) =>
  ask(
    attack,
    "POST /keys",
    ["Content-Type: application/json", `Content-Length: ${Buffer.byteLength(content)}`, ...more],
    content
  )
const isProblem = (text: string) => /content-type: application\/problem\+json/i.test(text) && text.includes('"code":')

const goodKey = `{"name":"strict","scopes":["projects:read"]}`
const bodies: ReadonlyArray<string | Uint8Array> = [
  `{"name":"a","name":"b","scopes":["admin"]}`,
  `{"name":"a","\\u006eame":"b","scopes":["admin"]}`,
  `{"scopes":["projects:read"],"name":"a","scopes":["admin"]}`,
  `{"name":"a\\u0000","scopes":["admin"]}`,
  `{"name":"\\ud800","scopes":["admin"]}`,
  `{"name":"\\udfff\\ud800","scopes":["admin"]}`,
  `{"__proto__":{"scopes":["admin"]},"name":"a","scopes":["projects:read"]}`,
  `{"constructor":{},"name":"a","scopes":["admin"]}`,
  `{"name":1e999,"scopes":["admin"]}`,
  `{"name":NaN}`,
  `{"name":'a'}`,
  `{"name":"a",}`,
  `[]`,
  `null`,
  `"x"`,
  `1`,
  ``,
  `{}{}`,
  `{"name":"a"}\u0000`,
  `{"a":${"[".repeat(500)}${"]".repeat(500)}}`,
  "[".repeat(100_000),
  `{"a":`.repeat(50_000),
  Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
  Buffer.from([0xef, 0xbb, 0xbf, ...Buffer.from(goodKey)]),
  Buffer.from(goodKey, "utf16le")
]
const targets = [
  "/projects/",
  "/projects//",
  "//projects",
  "/projects/./x",
  "/projects/../keys",
  "/projects/%2e%2e/keys",
  "/projects/%2E",
  "/projects/%zz",
  "/projects/%",
  "/projects/%c0%af",
  "/projects/%ed%a0%80",
  "/projects/a%00b",
  "/projects/a%0ab",
  "/projects?limit=1&limit=2",
  "/projects?limit=1&%6cimit=2",
  "/projects?limit=01",
  "/projects?limit=1e1",
  "/projects?limit=0x1",
  "/projects?limit=%201",
  "/projects?limit=+1",
  "/projects?limit=1.0",
  "/projects?limit=-1",
  "/projects?limit=101",
  "/projects?limit=99999999999999999999",
  "/projects?limit=",
  "/projects?limit",
  "/projects?cursor=%00",
  "/projects?cursor=%ff",
  "/projects?%ff=1",
  "/projects?__proto__=1",
  "/keys?x=1",
  "/webhooks?x=1",
  "/templates?x=1",
  "/agents?limit=1",
  "/trees?a",
  "*",
  "projects",
  "http://evil.example/projects",
  "http://user@127.0.0.1/projects",
  "ftp://127.0.0.1/projects",
  "/projects#x"
]
const headers: ReadonlyArray<ReadonlyArray<string>> = [
  ["Host: evil.example"],
  ["host: 127.0.0.1"],
  ["Authorization: Bearer x"],
  ["Idempotency-Key: a", "Idempotency-Key: b"],
  ['If-Match: "a"', 'If-Match: "b"'],
  ["Origin: http://evil.example"],
  ["Prefer: wait=1", "Prefer: wait=2"],
  ["Expect: x"],
  ["X-Request-Id: a", "X-Request-Id: b"]
]

const refusals = async (attack: Attack) => {
  for (const content of bodies) {
    const answer = await post(attack, content)
    attack.held(
      `the body ${Buffer.from(content).toString("latin1").slice(0, 40)} is refused`,
      answer.status >= 400 && answer.status < 500 && isProblem(answer.text),
      answer.text
    )
  }
  for (const type of [
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/json; charset=utf-16",
    "application/json;charset=iso-8859-1",
    "application/xml",
    "json",
    ""
  ]) {
    const answer = await ask(
      attack,
      "POST /keys",
      [`Content-Type: ${type}`, `Content-Length: ${goodKey.length}`],
      goodKey
    )
    attack.held(`a body of type ${type} is refused`, answer.status === 415 && isProblem(answer.text), answer.text)
  }
  for (const target of targets) {
    const answer = await ask(attack, `GET ${target}`)
    attack.held(
      `GET ${target} is refused`,
      answer.status >= 400 && answer.status < 500 && isProblem(answer.text),
      answer.text
    )
  }
  for (const more of headers) {
    const answer = await ask(attack, "GET /projects", more)
    attack.held(
      `${more.join(" and ")} is refused`,
      answer.status >= 400 && answer.status < 500 && isProblem(answer.text),
      answer.text
    )
  }
  for (const more of [
    ["Content-Length: 2", "Transfer-Encoding: chunked"],
    ["Content-Length: 2", "Content-Length: 3"],
    ["Transfer-Encoding: chunked, identity"],
    ["Content-Length: -1"],
    ["Content-Length: 1e1"]
  ]) {
    const answer = await ask(attack, "POST /keys", ["Content-Type: application/json", ...more], "{}")
    attack.held(
      `a body with ${more.join(" and ")} is refused`,
      answer.status === 400 || answer.status === 501,
      answer.text
    )
  }
}

const allowed = async (attack: Attack) => {
  for (const upgrade of ["h2c", "HTTP/2.0", "TLS/1.0", "h2c, foo/1", "websockets", ""]) {
    for (const connection of ["Upgrade", "Upgrade, HTTP2-Settings", "close, upgrade"]) {
      const answer = await ask(attack, "GET /projects", [
        `Upgrade: ${upgrade}`,
        `Connection: ${connection}`,
        "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA"
      ])
      attack.held(`Upgrade: ${upgrade} is left alone`, answer.status === 200, answer.text)
    }
  }
  attack.held(
    "a WebSocket of an API route is refused with a reason",
    isProblem(
      (
        await ask(attack, "GET /projects", [
          "Upgrade: websocket",
          "Connection: Upgrade",
          "Sec-WebSocket-Version: 13",
          "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="
        ])
      ).text
    )
  )
  attack.held(
    "absolute form is read",
    (await ask(attack, `GET http://127.0.0.1:${attack.server.port}/projects`)).status === 200
  )
  attack.held(
    "100-continue is met",
    (await post(attack, goodKey, ["Expect: 100-continue"])).text.includes("HTTP/1.1 201")
  )
  for (const path of [
    "/projects",
    "/keys",
    "/webhooks",
    "/tasks",
    "/operations",
    "/trees",
    "/templates",
    "/agents",
    "/audit",
    "/health",
    "/",
    "/openapi.json"
  ]) {
    const options = await ask(attack, `OPTIONS ${path}`)
    attack.held(
      `OPTIONS ${path} says what is allowed`,
      options.status === 204 && /^allow: .*GET/im.test(options.head),
      options.text
    )
    const head = await ask(attack, `HEAD ${path}`)
    attack.held(`HEAD ${path} has no body`, head.status === 200 && head.body === "", head.text)
    const put = await ask(attack, `PUT ${path}`)
    attack.held(`PUT ${path} is refused with Allow`, put.status === 405 && /^allow: /im.test(put.head), put.text)
    const got = await ask(attack, `GET ${path}`)
    for (const header of [
      "content-security-policy",
      "x-content-type-options",
      "x-frame-options",
      "cross-origin-resource-policy"
    ])
      attack.held(`GET ${path} carries ${header}`, new RegExp(`^${header}: `, "im").test(got.head))
  }
  for (const method of ["TRACE", "CONNECT", "PROPFIND"]) {
    const answer = await ask(attack, `${method} ${method === "CONNECT" ? "127.0.0.1:22" : "/projects"}`)
    attack.held(`${method} is refused`, answer.status >= 400 && answer.status < 500, answer.text)
  }
}

const bounded = async (attack: Attack) => {
  const names = Array.from({ length: 40_000 }, (_, i) => `a${i}`)
  const many = (before: string, separator: string, after: string) =>
    `${before}${names.join(separator).slice(0, 200_000)}${after}`
  for (const text of [
    many("name: x\nvars: { ", ": {}, ", ": {} }\nsteps: [{ id: q, action: ask, question: y }]"),
    many("name: x\nsteps: [{ id: q, action: ask, question: y, depends_on: [", ", ", "] }]"),
    many("", ": 1\n", ": 1\n"),
    `a: ${"[".repeat(60_000)}`,
    `a: &a [${"1,".repeat(9_000)}]\nb: [${"*a,".repeat(9_000)}]`
  ]) {
    const began = performance.now()
    const answer = await attack.api("POST", "/trees/check", { body: { text } })
    attack.held(
      "a tree of very many names is refused soon",
      (answer.status === 400 || answer.status === 422) && performance.now() - began < 15_000,
      `${answer.status} after ${Math.round(performance.now() - began)} ms`
    )
  }
  const vars = JSON.stringify({ name: "landing-page", vars: Object.fromEntries(names.map((name) => [name, 1])) })
  attack.held("so are very many variables", (await attack.api("POST", "/trees/runs", { raw: vars })).status === 400)
}

export const kind: Kind = {
  name: "http-strictness",
  promise: "A request has one meaning or is refused with its place, and what the standard allows is answered",
  environment: { RDEV_UNSAFE_HOST: "true" },
  run: async (attack) => {
    await refusals(attack)
    await allowed(attack)
    await bounded(attack)
  }
}
