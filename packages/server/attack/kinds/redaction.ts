/** A workspace prints the project's secrets in every spelling it can think of; none is kept or shown. */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import type { Attack, Kind, ProjectRef } from "../Attack.ts"

const secret = "tok_4f9A8c2E7b1D0x5K"
const env = { SHOP_API_TOKEN: secret, SHOP_DATABASE_URL: "postgresql://shop:Kx9q7TzW3vB8nRm@db.internal:5432/shop" }

/** Shell that writes `$SHOP_API_TOKEN`. */
const spellings: Readonly<Record<string, string>> = {
  plain: 'echo "$SHOP_API_TOKEN"',
  "to stderr": 'echo "$SHOP_API_TOKEN" >&2',
  "without an end": 'printf %s "$SHOP_API_TOKEN"',
  environment: "env",
  base64: 'printf %s "$SHOP_API_TOKEN" | base64',
  "base64 within": "printf 'x%s and more' \"$SHOP_API_TOKEN\" | base64",
  "base64 further in": "printf 'xy%s and more' \"$SHOP_API_TOKEN\" | base64",
  "base64 wrapped": 'printf %s "$SHOP_API_TOKEN" | base64 -w 7',
  "base64 twice": 'printf %s "$SHOP_API_TOKEN" | base64 -w 0 | base64 -w 0',
  hex: "printf %s \"$SHOP_API_TOKEN\" | od -An -v -tx1 -w64 | tr -d ' \\n'",
  "hex with spaces": 'printf %s "$SHOP_API_TOKEN" | od -An -v -tx1 -w64',
  "hex in lines": 'printf %s "$SHOP_API_TOKEN" | od -An -v -tx1 -w8',
  octal: 'printf %s "$SHOP_API_TOKEN" | od -An -v -to1 -w64',
  percent: "printf %s \"$SHOP_API_TOKEN\" | od -An -v -tx1 -w64 | tr ' ' %",
  reversed: 'printf %s "$SHOP_API_TOKEN" | rev 2>/dev/null || true',
  "upper case": 'printf %s "$SHOP_API_TOKEN" | tr a-z A-Z',
  "line by line": 'printf %s "$SHOP_API_TOKEN" | fold -w 3',
  "with returns": "printf %s \"$SHOP_API_TOKEN\" | fold -w 4 | tr '\\n' '\\r'",
  coloured: "printf %s \"$SHOP_API_TOKEN\" | sed 's/./&\\x1b[31m/g'",
  "zero width": "printf %s \"$SHOP_API_TOKEN\" | sed 's/./&\\xe2\\x80\\x8b/g'",
  "with a NUL": "printf %s \"$SHOP_API_TOKEN\" | sed 's/./&\\x00/g'",
  dashes: "printf %s \"$SHOP_API_TOKEN\" | sed 's/./&-/g'",
  "at the cut": "head -c 4090 /dev/zero | tr '\\0' a; echo \"$SHOP_API_TOKEN\"",
  "at another cut": "head -c 65530 /dev/zero | tr '\\0' a; echo \"$SHOP_API_TOKEN\"",
  "in two writes": 'printf %s "$SHOP_API_TOKEN" | { head -c 9; sleep 0.3; cat; }',
  "the password alone": "echo \"$SHOP_DATABASE_URL\" | sed 's/.*shop:\\([^@]*\\)@.*/\\1/'"
}

const b64 = (text: string) => Buffer.from(text).toString("base64").replace(/=+$/, "")
const inner = (text: string) => b64(text).slice(2, -3)
const traces = [
  secret,
  "Kx9q7TzW3vB8nRm",
  [...secret].reverse().join(""),
  inner(secret),
  inner(`x${secret} and more`).slice(4, 20),
  inner(`xy${secret} and more`).slice(4, 20),
  inner(b64(secret)).slice(2),
  Buffer.from(secret).toString("hex"),
  [...Buffer.from(secret)].map((byte) => byte.toString(8).padStart(3, "0")).join("")
].map((text) => text.toLowerCase())
/** As somebody would read it who takes out what only decorates. */
// eslint-disable-next-line no-control-regex -- control characters are what is taken out
const plain = (text: string) =>
  text
    .replace(/\u001b\[[0-9;]*m/g, "")
    .replace(/[^0-9A-Za-z_+/=]/g, "")
    .toLowerCase()
const leak = (text: string): string | undefined => {
  const read = [plain(text), plain(text).replaceAll("_", "")]
  return traces.find((trace) => read.some((one) => one.includes(trace.replaceAll("_", "")) || one.includes(trace)))
}

/** What an agent leaves in its commit, by feature: each is refused, with the place. */
const commits: Readonly<Record<string, { readonly script: string; readonly place: string }>> = {
  plainly: {
    script: `mkdir -p config; printf 'one\\ntwo\\nkey=%s\\n' ${secret} > config/app.env`,
    place: "config/app.env:3"
  },
  encoded: { script: `printf %s ${secret} | base64 > notes.txt`, place: "notes.txt:1" },
  binary: { script: `printf '\\000\\001%s' ${secret} > app.bin`, place: "app.bin: a secret stands at byte" },
  named: { script: `echo x > "${secret}.md"`, place: "***.md: a secret stands in the file's name" },
  "far-in": {
    script: `{ head -c 3000000 /dev/zero | tr '\\0' '%'; echo; printf %s ${secret} | od -An -v -tx1 -w64; } > data.txt`,
    place: "data.txt:2"
  }
}
const agent = [
  "case $RDEV_FEATURE in",
  ...Object.entries(commits).map(([slug, { script }]) => `${slug}) ${script} ;;`),
  `printed) for n in 990 2000 4090 8185 16380 32760 65530; do head -c $n /dev/zero | tr '\\0' a; echo ${secret}; done; echo ${secret} >&2; printf %s ${secret} | base64; exit 3 ;;`,
  "esac",
  `echo "the agent of $RDEV_FEATURE says ${secret}"`
].join("\n")

/** Everything that is sent to a receiver of webhooks. */
const receiver = async () => {
  const bodies: Array<string> = []
  const server = createServer((request, response) => {
    let body = ""
    request
      .on("data", (chunk) => {
        body += String(chunk)
      })
      .on("end", () => {
        bodies.push(body)
        response.writeHead(204).end()
      })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return {
    bodies,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    close: () => {
      server.close()
    }
  }
}

const agents = async (attack: Attack, project: ProjectRef) => {
  const slugs = [...Object.keys(commits), "printed"]
  for (const slug of slugs)
    await attack.must("POST", `/projects/${project.name}/sdlc/features`, { body: { title: slug, slug } })
  let events: ReadonlyArray<Record<string, unknown>> = []
  const judged = (slug: string) =>
    events.filter(
      (one) => one["feature"] === slug && (one["type"] === "feature.refused" || one["type"] === "feature.action_failed")
    )
  for (let looked = 0; looked < 240 && !slugs.every((slug) => judged(slug).length > 0); looked++) {
    await new Promise((resolve) => setTimeout(resolve, 500))
    events = await attack.events(project)
  }
  for (const [slug, { place }] of Object.entries(commits)) {
    const said = JSON.stringify(judged(slug))
    attack.held(`a commit that holds it ${slug} is refused`, said.includes("feature.refused"), said)
    attack.held(`the refusal of ${slug} says where`, said.includes(place), said)
  }
  attack.held("an agent that prints it and fails", judged("printed").length > 0)
}

/** Text of people goes into commits too. */
const people = async (attack: Attack, project: ProjectRef) => {
  for (const [field, body] of Object.entries({
    title: { title: `Use ${secret}`, slug: "a" },
    description: { title: "Fine", slug: "b", description: `Use ${secret}` },
    slug: { title: "Fine", slug: secret.replace("_", "-").toLowerCase() }
  })) {
    const answer = await attack.api("POST", `/projects/${project.name}/sdlc/features`, { body })
    attack.held(
      `a feature with it as its ${field} is refused`,
      answer.status === 422 && answer.text.includes(field),
      `${answer.status} ${answer.text}`
    )
    attack.held(`the refusal of the ${field} does not repeat it`, leak(answer.text) === undefined, answer.text)
  }
  await attack.must("POST", `/projects/${project.name}/sdlc/features`, {
    body: { title: "Paused", slug: "paused", start: false }
  })
  await attack.must("POST", `/projects/${project.name}/sdlc/features/paused/pause`, {
    body: { reason: `wait for ${secret}` }
  })
  const clone = await attack.clone(project)
  const all = await attack.git(clone, "log", "--all", "-p")
  attack.held("all commits of the project", all.code === 0 && leak(all.output) === undefined, String(leak(all.output)))
}

const eventsOf = async (attack: Attack, project: ProjectRef): Promise<string> =>
  (await attack.events(project))
    .map((event) => (typeof event["line"] === "string" ? event["line"] : JSON.stringify(event)))
    .join("\n")

export const kind: Kind = {
  name: "redaction",
  promise: "No secret of a project is kept or shown, however a program writes it",
  environment: {
    RDEV_WEBHOOK_ALLOW: "127.0.0.1",
    RDEV_AGENTS: JSON.stringify([{ kind: "command", name: "scripted", argv: ["sh", "-ceu", agent] }])
  },
  run: async (attack) => {
    const project = await attack.project()
    const hook = await receiver()
    const { id } = await attack
      .must("POST", "/webhooks", { body: { url: hook.url, events: ["*"], project: project.name } })
      .then((made) => made["webhook"] as { readonly id: string })
    for (const [name, script] of Object.entries(spellings)) {
      const ran = await attack.exec(project, script, { env })
      const found = leak(ran.output)
      attack.held(`the output of ${name}`, found === undefined, `${String(found)} in ${ran.output.slice(-200)}`)
    }
    const failed = await attack.api("POST", `/projects/${project.name}/workspace/execs`, {
      body: { command: [secret], env, timeout_seconds: 5 }
    })
    attack.held("a refusal that quotes it", !failed.text.includes(secret), failed.text)
    await people(attack, project)
    await agents(attack, project)
    attack.held("all events of the project", leak(await eventsOf(attack, project)) === undefined)
    for (const path of ["audit/entries", "audit", "tasks"])
      attack.held(path, leak((await attack.api("GET", `/projects/${project.name}/${path}`)).text) === undefined)
    for (let looked = 0; looked < 60 && hook.bodies.length < 50; looked++)
      await new Promise((resolve) => setTimeout(resolve, 250))
    hook.close()
    const sent = hook.bodies.map(
      (body) => (JSON.parse(body) as { readonly data?: { readonly line?: string } }).data?.line ?? body
    )
    attack.held("webhooks arrive", sent.length >= 50, `${sent.length}`)
    for (const body of [...sent, sent.join("\n")]) attack.held("a webhook's body", leak(body) === undefined, body)
    attack.held(
      "the record of what was sent",
      leak((await attack.api("GET", `/webhooks/${id}/deliveries`)).text) === undefined
    )
    const told = await attack.exec(
      project,
      "echo rdev_local_0123456789abcdefghijklmnopqrstuvwxyz; echo plain words stay",
      {}
    )
    attack.held("a key that nobody knows", !told.output.includes("rdev_local_0123"), told.output)
    attack.held("other output stays as it is", told.output.includes("plain words stay"), told.output)
  }
}
