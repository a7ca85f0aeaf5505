/**
 * Installs the packed packages as a stranger would, `npm install --global @rdev/cli` and `npx @rdev/cli`, and takes a feature to its release
 * with what was installed: in a folder outside of the repository, with nothing of the clone on the PATH but its Node. A registry on this
 * machine serves the scope @rdev from the tarballs; everything else comes from npm's.
 */
import { spawn, spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { environment, root, setup } from "./setup.mjs"
import * as tarballs from "./tarballs.mjs"

/** What npm asks a registry for: `/@rdev%2fname` and the tarballs that its answer names. */
const serve = (packed) => {
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? "")
    const tarball = packed.find(({ file }) => path === `/tarballs/${basename(file)}`)
    const one = packed.find(({ manifest }) => path === `/${manifest.name}`)
    if (tarball !== undefined) return response.end(readFileSync(tarball.file))
    if (one === undefined) return response.writeHead(404).end("{}")
    const { file, integrity, manifest } = one
    const dist = { integrity, tarball: `http://${request.headers.host}/tarballs/${basename(file)}` }
    response.setHeader("content-type", "application/json").end(
      JSON.stringify({
        name: manifest.name,
        "dist-tags": { latest: manifest.version },
        versions: { [manifest.version]: { ...manifest, dist } }
      })
    )
  })
  return new Promise((done) => server.listen(0, "127.0.0.1", () => done(server)))
}

setup("all")
const folder = mkdtempSync(join(tmpdir(), "rdev-installs-"))
const inside = (name) => {
  mkdirSync(join(folder, name), { recursive: true })
  return join(folder, name)
}
const [bin, prefix, home, outside] = ["bin", "prefix", "home", "outside"].map(inside)
const node = spawnSync("node", ["-p", "process.execPath"], { env: environment(), encoding: "utf8" }).stdout.trim()
symlinkSync(node, join(bin, "node"))
const path = (process.env["PATH"] ?? "").split(":").filter((part) => !part.startsWith(root))
const env = {
  ...Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(?:npm_(?!config_)|RDEV_|NODE_PATH$)/.test(name))
  ),
  PATH: [bin, ...path].join(":"),
  XDG_CACHE_HOME: home
}

let problems = 0
/** One command; what it must print, and how long it took. Slow machines get their time, a hang ends. */
const step = async (title, command, args, wanted = []) => {
  const began = performance.now()
  const child = spawn(command, args, { cwd: outside, env, timeout: 600_000, stdio: ["ignore", "pipe", "pipe"] })
  let text = ""
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk))
  const ended = await new Promise((done) => {
    child.on("error", (error) => done(error.message))
    child.on("close", (code, signal) => done(signal ?? code))
  })
  const missing = wanted.filter((pattern) => !pattern.test(text))
  const well = ended === 0 && missing.length === 0
  if (well) console.log(`installs: ${title}: ${((performance.now() - began) / 1000).toFixed(1)} s`)
  else {
    problems++
    console.error(`installs: ${title}: ended with ${ended}${missing.map((one) => `, lacks ${one}`).join("")}\n${text}`)
  }
  return well
}

const tryAll = async (packed, registry) => {
  const quiet = ["--no-audit", "--no-fund", "--loglevel=error", `--@rdev:registry=${registry}`]
  const { version } = packed.find(({ name }) => name === "cli").manifest
  const versionText = new RegExp(`(?<![\\d.])${version.replaceAll(".", "\\.")}(?![\\d.])`)
  const installed = await step("npm install --global @rdev/cli", "npm", [
    "install",
    "--global",
    "--prefix",
    prefix,
    ...quiet,
    "@rdev/cli"
  ])
  if (!installed) return
  const rdev = join(prefix, "bin", "rdev")
  await step("rdev --version", rdev, ["--version"], [versionText])
  await step("rdev demo", rdev, ["demo"], [/^Released: /m, /The preview answers 200/])
  const cli = join(prefix, "lib", "node_modules", "@rdev", "cli")
  // Every package by its name, from its built modules.
  const names = readdirSync(join(cli, "node_modules", "@rdev")).map((name) => `@rdev/${name}`)
  writeFileSync(join(cli, "all.mjs"), names.map((name) => `await import("${name}")\n`).join(""))
  await step(`import of ${names.length} packages`, "node", [join(cli, "all.mjs")])
  const copies = readdirSync(prefix, { recursive: true }).filter((at) =>
    at.endsWith("/node_modules/effect/package.json")
  )
  if (names.length < 7 || copies.length !== 1) {
    problems++
    console.error(`installs: ${names.length} packages of ours, effect in ${copies.join(", ") || "no place"}`)
  }
  await step("npx @rdev/cli", "npm", ["exec", "--yes", ...quiet, "--", "@rdev/cli", "--version"], [versionText])
}

try {
  const packed = tarballs.pack(inside("tarballs"))
  const server = await serve(packed)
  await tryAll(packed, `http://127.0.0.1:${server.address().port}/`)
  server.close()
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}
console.log(`installs: ${problems} problems`)
process.exit(problems === 0 ? 0 : 1)
