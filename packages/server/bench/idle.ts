/**
 * What an installation costs that nobody uses: child processes and memory of projects with services, before and after these sleep; how
 * long the first request waits for a service that sleeps; and how many tasks the queue hands out meanwhile. Arguments: how many projects,
 * how many wakes, for how many seconds tasks are counted, and how many projects have a feature under way.
 */
import { spawn } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { request } from "node:http"
import { quantile, rest, serve } from "./Bench.ts"

const [projects = 25, wakes = 25, countSeconds = 300, features = 5] = process.argv.slice(2).map(Number)
const barMillis = 300
process.env["RDEV_IDLE_SECONDS"] ??= "5"
const idleMillis = Number(process.env["RDEV_IDLE_SECONDS"]) * 1000

/** Of the server and all that it started: how many processes, and their memory, what they share counted once. */
const family = (root: number) => {
  const parents = new Map<number, number>()
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue
    try {
      parents.set(Number(name), Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${name}/stat`, "utf8"))?.[1]))
    } catch {
      // It ended meanwhile.
    }
  }
  const descends = (pid: number): boolean => pid === root || (parents.has(pid) && descends(parents.get(pid) ?? 0))
  const all = [...parents.keys()].filter((pid) => pid > 1 && descends(pid))
  let kib = 0
  for (const pid of all) {
    try {
      kib += Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? 0)
    } catch {
      // It ended meanwhile.
    }
  }
  return { processes: all.length - 1, mebibytes: Math.round(kib / 1024) }
}

const server = await serve()
const ask = (host: string, path: string) =>
  new Promise<{ readonly status: number; readonly millis: number }>((resolve, reject) => {
    const began = performance.now()
    const asked = request(
      { host: "127.0.0.1", port: server.port, path, headers: { host }, agent: false },
      (response) => {
        response.resume()
        response.on("end", () => resolve({ status: response.statusCode ?? 0, millis: performance.now() - began }))
      }
    )
    asked.on("error", reject)
    asked.end()
  })
/** What the start of an empty Node takes on this machine now: none of it can be spared. */
const bareNode = () =>
  new Promise<number>((resolve) => {
    const began = performance.now()
    spawn(process.execPath, ["-e", "0"], { stdio: "ignore" }).on("close", () => resolve(performance.now() - began))
  })
/** Tasks of all projects since the start, and how often one was handed out. */
const tasks = async () => {
  const found = { tasks: 0, deliveries: 0 }
  let cursor: string | null = ""
  while (cursor !== null) {
    const page = (await server.call("GET", `/tasks?limit=100${cursor === "" ? "" : `&cursor=${cursor}`}`)) as {
      readonly tasks: ReadonlyArray<{ readonly deliveries: number }>
      readonly next_cursor: string | null
    }
    found.tasks += page.tasks.length
    found.deliveries += page.tasks.reduce((sum, one) => sum + one.deliveries, 0)
    cursor = page.next_cursor
  }
  return found
}
const tell = (what: string) => console.log(what)

tell(`nothing: ${JSON.stringify(family(server.pid))}`)
const names = Array.from({ length: projects }, (_, i) => `idle-${i}`)
for (const name of names) await server.call("POST", "/projects", { name, template: "node-api" }, { prefer: "wait=60" })
// Features that go on until they wait for a person.
for (const name of names.slice(0, features))
  await server.call("POST", `/projects/${name}/sdlc/features`, { title: "Add a contact page" })
for (let [before, i] = [-1, 0]; i < 30; i++) {
  const { deliveries } = await tasks()
  if (deliveries === before) break
  before = deliveries
  await rest(10_000)
}
for (const name of names.slice(0, features)) {
  const next = await server.call("GET", `/projects/${name}/sdlc/features/add-a-contact-page/next`)
  tell(`${name}: next ${String(next["action"])}, by ${String(next["actor"])}`)
}
await Promise.all(names.map((name) => ask(`${name}.localhost`, "/health")))
tell(`${projects} services awake: ${JSON.stringify(family(server.pid))}`)
if (idleMillis > 0) {
  await rest(idleMillis + 5_000)
  tell(`${projects} services asleep: ${JSON.stringify(family(server.pid))}`)
  const times: Array<number> = []
  const awake: Array<number> = []
  const bare: Array<number> = []
  for (let i = 0; i < wakes; i++) {
    const host = `idle-${i % projects}.localhost`
    if (i > 0 && i % projects === 0) await rest(idleMillis + 5_000)
    const woken = await ask(host, "/health")
    if (woken.status !== 200) throw new Error(`${host} answered ${woken.status}`)
    times.push(woken.millis)
    awake.push((await ask(host, "/health")).millis)
    bare.push(await bareNode())
  }
  for (const list of [times, awake, bare]) list.sort((a, b) => a - b)
  const shown = (list: ReadonlyArray<number>) =>
    `p50 ${quantile(list, 0.5).toFixed(0)} ms, p95 ${quantile(list, 0.95).toFixed(0)} ms, worst ${list.at(-1)?.toFixed(0)} ms`
  tell(
    `first request of ${wakes} that slept: ${shown(times)} (bar: p50 ${barMillis} ms); the one after it: ${shown(awake)}; an empty Node beside them: ${shown(bare)}`
  )
  await rest(idleMillis + 5_000)
}
const { deliveries: before } = await tasks()
const { cpuMillis } = await server.usage()
await rest(countSeconds * 1000)
const after = await tasks()
tell(
  `tasks handed out in ${countSeconds} idle seconds: ${after.deliveries - before}; processor time ${((await server.usage()).cpuMillis - cpuMillis).toFixed(0)} ms`
)
server.stop()
