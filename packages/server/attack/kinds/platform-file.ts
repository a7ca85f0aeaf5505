import { Effect, Result } from "effect"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Configuration from "../../src/installation/Configuration.ts"
import type { Attack, Kind } from "../Attack.ts"

const canary = "Zq7Wm3Xk9Rt5Lp2"
const tenants = `postgresql://admin:${canary}@127.0.0.1:9/none`
const folder = mkdtempSync(join(tmpdir(), "rdev-attack-platform-"))
process.once("exit", () => rmSync(folder, { recursive: true, force: true }))
const file = join(folder, "platform.yaml")
const dns = fileURLToPath(new URL("../../test/process/adapters/memory.ts", import.meta.url))
writeFileSync(file, `dns: { use: ${dns}, token: { env: ATTACK_TENANTS } }\n`)

/** What a start with this file would say; null = it would start. */
const said = async (text: string | Uint8Array): Promise<string | null> => {
  const tried = join(folder, "tried.yaml")
  writeFileSync(tried, text)
  const env = { RDEV_PLATFORM: tried, ATTACK_TENANTS: tenants }
  const read = await Effect.runPromise(Effect.result(Configuration.read({ env, cwd: folder })))
  return Result.isSuccess(read) ? null : read.failure.message
}

const places: ReadonlyArray<(value: string) => string> = [
  (value) => `resources: { database: { use: postgres, url: ${value} } }`,
  (value) => `resources: { database: { use: postgres, url: [${value}] } }`,
  (value) => `resources: { database: { use: postgres, url: { value: ${value} } } }`,
  (value) => `resources: { database: { use: postgres, url: { env: ATTACK_TENANTS, secret: ${value} } } }`,
  (value) => `resources: { database: { use: postgres, password: ${value} } }`,
  (value) => `stores: { use: postgres, url: ${value} }`,
  (value) => `stores: { use: postgres, pooling: ${value} }`,
  (value) => `stores: { use: postgres, maxConnections: ${value} }`,
  (value) => `stores: { use: postgres, key: ${value} }`,
  (value) => `webhooks: { use: local, allow: [${value}] }`,
  (value) => `webhooks: { use: local, token: ${value} }`,
  (value) => `templates: { use: folder, path: ${value} }`,
  (value) => `dns: { use: local, token: ${value} }`,
  (value) => `agents: { use: agents, list: [{ kind: command, name: x, env: { TOKEN: ${value} } }] }`,
  (value) => `agents: { use: agents, list: [{ kind: ${value}, name: x }] }`,
  (value) => `dns: ${value}`,
  (value) => `resources: ${value}`,
  (value) => `environments: ${value}`,
  (value) => `address: [${value}]`,
  (value) => `dns: { use: local }\ndns: ${value}`,
  (value) => `dns: { use: local\n${value}`,
  (value) => `dns: "${value}`,
  (value) => `dns: !!${canary} ${value}`,
  (value) => `dns: &a ${value}\ntls: *${canary}`,
  (value) => `\t${value}: x`,
  (value) => `--- ${value}\n--- x`,
  (value) => `%YAML ${value}\n---\na: b`
]
const values = [`"postgresql://u:${canary}@h/d"`, `"https://u:${canary}@h/"`, `"gh${canary}a1b2c3d4e5f6"`]

const spellings = async (attack: Attack) => {
  for (const place of places)
    for (const value of values) {
      const text = place(value)
      const message = await said(text)
      attack.held(
        `refused, and not repeated: ${text.replaceAll(canary, "…").slice(0, 90)}`,
        message !== null && !message.includes(canary)
      )
    }
  const bomb = Array.from({ length: 40 }, (_, i) => `a${i}: &a${i} [${i === 0 ? "x" : `*a${i - 1},*a${i - 1}`}]`).join(
    "\n"
  )
  const deep = `dns: ${"[".repeat(20_000)}${"]".repeat(20_000)}`
  for (const [what, text] of [
    ["aliases of aliases", bomb],
    ["deep lists", deep],
    ["a megabyte", `# ${"x".repeat(1_000_000)}`],
    ["no text", new Uint8Array([0xff, 0xfe, 0x00])],
    ["__proto__", "__proto__: { use: local }"],
    ["a package that climbs", "dns: { use: ../../../../etc/passwd }"],
    ["a module of Node's", "dns: { use: 'node:child_process' }"],
    ["an address for a package", "dns: { use: 'data:text/javascript,export default 1' }"]
  ] as const) {
    const began = performance.now()
    const message = await said(text)
    attack.held(`refused in good time: ${what}`, message !== null && performance.now() - began < 5_000)
  }
}

export const kind: Kind = {
  name: "platform-file",
  promise: "No secret of the platform file is shown, and nobody but an administrator sees what fills its slots",
  environment: { RDEV_PLATFORM: file, ATTACK_TENANTS: tenants },
  run: async (attack) => {
    mkdirSync(folder, { recursive: true })
    await spellings(attack)
    const admin = await attack.api("GET", "/adapters")
    const adapters = (admin.json?.["adapters"] ?? []) as ReadonlyArray<{
      readonly slot: string
      readonly use: string
    }>
    attack.held("an administrator sees every slot", admin.status === 200 && adapters.length >= 14, `${admin.status}`)
    attack.held("and the one of the file", adapters.find(({ slot }) => slot === "dns")?.use === dns)
    attack.held("its password is not", !admin.text.includes(canary) && !admin.text.includes("postgresql://admin"))
    attack.held("without a key nothing is told", (await attack.api("GET", "/adapters", { key: null })).status === 401)
    const scopes = ["projects:read", "keys:manage", "audit:read", "services:read", "services:write"]
    for (const scope of scopes) {
      const { key } = await attack.newKey({ scopes: [scope] })
      attack.held(`${scope} is not enough`, (await attack.api("GET", "/adapters", { key })).status === 403)
    }
    const project = await attack.project()
    const { key } = await attack.newKey({ scopes: ["admin"], projects: [project.name] })
    attack.held(
      "an administrator of one project is none",
      (await attack.api("GET", "/adapters", { key })).status === 403
    )
    for (const path of [
      "/health",
      "/readyz",
      `/projects/${project.name}`,
      `/projects/${project.name}/events?limit=100`
    ])
      attack.held(`${path} does not show the password`, !(await attack.api("GET", path)).text.includes(canary))
    const ran = await attack.exec(project, `env; echo ${canary}`)
    attack.held("a command has no variable of it", !ran.output.includes("ATTACK_TENANTS"))
    attack.held("and what prints it is masked", !ran.output.includes(canary), ran.output.slice(-200))
  }
}
