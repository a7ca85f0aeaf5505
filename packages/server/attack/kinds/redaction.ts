/** A workspace prints the project's secrets in every spelling it can think of; none is kept or shown. */
import type { Attack, Kind, ProjectRef } from "../Attack.ts"

const secret = "tok_4f9A8c2E7b1D0x5K"
const env = { SHOP_API_TOKEN: secret, SHOP_DATABASE_URL: "postgresql://shop:Kx9q7TzW3vB8nRm@db.internal:5432/shop" }

/** Shell that writes `$SHOP_API_TOKEN`. */
const spellings: Readonly<Record<string, string>> = {
  plain: "echo \"$SHOP_API_TOKEN\"",
  "to stderr": "echo \"$SHOP_API_TOKEN\" >&2",
  "without an end": "printf %s \"$SHOP_API_TOKEN\"",
  environment: "env",
  base64: "printf %s \"$SHOP_API_TOKEN\" | base64",
  "base64 within": "printf 'x%s and more' \"$SHOP_API_TOKEN\" | base64",
  "base64 further in": "printf 'xy%s and more' \"$SHOP_API_TOKEN\" | base64",
  "base64 wrapped": "printf %s \"$SHOP_API_TOKEN\" | base64 -w 7",
  "base64 twice": "printf %s \"$SHOP_API_TOKEN\" | base64 -w 0 | base64 -w 0",
  hex: "printf %s \"$SHOP_API_TOKEN\" | od -An -v -tx1 -w64 | tr -d ' \\n'",
  "hex with spaces": "printf %s \"$SHOP_API_TOKEN\" | od -An -v -tx1 -w64",
  "hex in lines": "printf %s \"$SHOP_API_TOKEN\" | od -An -v -tx1 -w8",
  octal: "printf %s \"$SHOP_API_TOKEN\" | od -An -v -to1 -w64",
  percent: "printf %s \"$SHOP_API_TOKEN\" | od -An -v -tx1 -w64 | tr ' ' %",
  reversed: "printf %s \"$SHOP_API_TOKEN\" | rev 2>/dev/null || true",
  "upper case": "printf %s \"$SHOP_API_TOKEN\" | tr a-z A-Z",
  "line by line": "printf %s \"$SHOP_API_TOKEN\" | fold -w 3",
  "with returns": "printf %s \"$SHOP_API_TOKEN\" | fold -w 4 | tr '\\n' '\\r'",
  coloured: "printf %s \"$SHOP_API_TOKEN\" | sed 's/./&\\x1b[31m/g'",
  "zero width": "printf %s \"$SHOP_API_TOKEN\" | sed 's/./&\\xe2\\x80\\x8b/g'",
  "with a NUL": "printf %s \"$SHOP_API_TOKEN\" | sed 's/./&\\x00/g'",
  dashes: "printf %s \"$SHOP_API_TOKEN\" | sed 's/./&-/g'",
  "at the cut": "head -c 4090 /dev/zero | tr '\\0' a; echo \"$SHOP_API_TOKEN\"",
  "at another cut": "head -c 65530 /dev/zero | tr '\\0' a; echo \"$SHOP_API_TOKEN\"",
  "in two writes": "printf %s \"$SHOP_API_TOKEN\" | { head -c 9; sleep 0.3; cat; }",
  "the password alone": "echo \"$SHOP_DATABASE_URL\" | sed 's/.*shop:\\([^@]*\\)@.*/\\1/'"
}

const b64 = (text: string) => Buffer.from(text).toString("base64").replace(/=+$/, "")
const inner = (text: string) => b64(text).slice(2, -3)
const traces = [
  secret, "Kx9q7TzW3vB8nRm", [...secret].reverse().join(""), inner(secret), inner(`x${secret} and more`).slice(4, 20), inner(`xy${secret} and more`).slice(4, 20), inner(b64(secret)).slice(2),
  Buffer.from(secret).toString("hex"), [...Buffer.from(secret)].map((byte) => byte.toString(8).padStart(3, "0")).join("")
].map((text) => text.toLowerCase())
/** As somebody would read it who takes out what only decorates. */
// eslint-disable-next-line no-control-regex -- control characters are what is taken out
const plain = (text: string) => text.replace(/\u001b\[[0-9;]*m/g, "").replace(/[^0-9A-Za-z_+/=]/g, "").toLowerCase()
const leak = (text: string): string | undefined => {
  const read = [plain(text), plain(text).replaceAll("_", "")]
  return traces.find((trace) => read.some((one) => one.includes(trace.replaceAll("_", "")) || one.includes(trace)))
}

const eventsOf = async (attack: Attack, project: ProjectRef): Promise<string> =>
  (await attack.events(project)).map((event) => typeof event["line"] === "string" ? event["line"] : JSON.stringify(event)).join("\n")

export const kind: Kind = {
  name: "redaction",
  promise: "No secret of a project is kept or shown, however a program writes it",
  run: async (attack) => {
    const project = await attack.project()
    for (const [name, script] of Object.entries(spellings)) {
      const ran = await attack.exec(project, script, { env })
      const found = leak(ran.output)
      attack.held(`the output of ${name}`, found === undefined, `${String(found)} in ${ran.output.slice(-200)}`)
    }
    const failed = await attack.api("POST", `/projects/${project.name}/workspace/execs`, { body: { command: [secret], env, timeout_seconds: 5 } })
    attack.held("a refusal that quotes it", !failed.text.includes(secret), failed.text)
    attack.held("all events of the project", leak(await eventsOf(attack, project)) === undefined)
    for (const path of ["audit/entries", "audit", "tasks"]) attack.held(path, leak((await attack.api("GET", `/projects/${project.name}/${path}`)).text) === undefined)
    const told = await attack.exec(project, "echo rdev_local_0123456789abcdefghijklmnopqrstuvwxyz; echo plain words stay", {})
    attack.held("a key that nobody knows", !told.output.includes("rdev_local_0123"), told.output)
    attack.held("other output stays as it is", told.output.includes("plain words stay"), told.output)
  }
}
