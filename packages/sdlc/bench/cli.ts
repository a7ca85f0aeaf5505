/**
 * How long the hot commands take as processes: `sdlc next` on a feature with 500 events, `sdlc features` over 1,000 features.
 * Prints medians of wall time and of processor time, beside those of an empty Node process on the same machine.
 * Run: npm run build -w packages/sdlc && npx node --conditions=@rdev/source packages/sdlc/bench/cli.ts
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Disk from "../src/repo/Disk.ts"
import * as Repo from "../src/repo/Repo.ts"

const bin = new URL("../dist/cli/main.js", import.meta.url).pathname
const human = { id: "human:ada", type: "human" } as const

let counter = 0
const stamp = (): Repo.Stamp => {
  counter++
  return {
    actor: human,
    timeMillis: 1_700_000_000_000 + counter * 1000,
    random: Uint8Array.from([
      1,
      2,
      3,
      4,
      5,
      6,
      (counter >> 24) & 255,
      (counter >> 16) & 255,
      (counter >> 8) & 255,
      counter & 255
    ])
  }
}

const types: ReadonlyArray<(index: number) => Repo.Draft> = [
  (index) => ({ type: "cost-recorded", data: { cost: { usd: 0.01 }, reason: `call ${index}` } }),
  (index) => ({ type: "thread-opened", data: { thread: `t-${index}`, message: "why so?" } }),
  (index) => ({ type: "thread-resolved", data: { thread: `t-${index - 1}` } }),
  (index) => ({
    type: "review-recorded",
    data: {
      tree: "code1:aa",
      verdict: "changes",
      findings: [{ id: `f-${index}`, severity: "low", title: "a name", file: "src/a.ts", line: index }]
    }
  })
]

const project = (features: number, events: number): string => {
  const root = mkdtempSync(join(tmpdir(), "sdlc-bench-"))
  const init = Repo.initProject(new Map())
  Disk.write(root, init)
  const files = new Map(init.map((write) => [write.path, write.content]))
  for (let index = 0; index < features; index++) {
    const created = Repo.createFeature(
      files,
      { slug: `feature-${index}`, title: `Feature ${index}`, kind: "feature" },
      stamp()
    )
    const writes = [...created.writes]
    let { loaded } = created
    for (let event = 0; event < events; event++) {
      const next = Repo.appendEvent(loaded, (types[event % types.length] ?? types[0]!)(event), stamp())
      writes.push(next)
      loaded = next.loaded
    }
    Disk.write(root, writes)
  }
  return root
}

const median = (numbers: ReadonlyArray<number>): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0

const measure = (name: string, args: ReadonlyArray<string>, cwd: string, runs = 15): number => {
  const wall: Array<number> = []
  const cpu: Array<number> = []
  for (let run = 0; run < runs; run++) {
    const before = process.resourceUsage()
    const start = performance.now()
    const result = spawnSync(process.execPath, args, { cwd, stdio: ["ignore", "pipe", "pipe"] })
    wall.push(performance.now() - start)
    const after = process.resourceUsage()
    cpu.push((after.userCPUTime - before.userCPUTime + after.systemCPUTime - before.systemCPUTime) / 1000)
    if (result.status !== 0) throw new Error(`${name}: exit ${result.status}: ${result.stderr.toString()}`)
  }
  process.stdout.write(`${name}: median ${median(wall).toFixed(0)} ms, best ${Math.min(...wall).toFixed(0)} ms\n`)
  return median(wall)
}

const empty = join(mkdtempSync(join(tmpdir(), "sdlc-empty-")), "empty.mjs")
writeFileSync(empty, "")
const one = project(1, 500)
const many = project(1000, 3)
try {
  const floor = measure("empty Node process", [empty], one)
  const next = measure("sdlc next, 500 events", [bin, "next", "feature-0"], one)
  const list = measure("sdlc features, 1,000 features", [bin, "features"], many, 5)
  process.stdout.write(
    `next: ${(next / floor).toFixed(1)} x an empty process (target 150 ms); features: target 1000 ms, ${list.toFixed(0)} ms\n`
  )
} finally {
  for (const root of [one, many]) rmSync(root, { recursive: true, force: true })
}
