/** `GET …/next` with warm caches, and an idle server: p50 of requests one after another, processor time while nothing happens. */
import { quantile, rest, serve } from "./Bench.ts"

const server = await serve()
await server.call("POST", "/projects", { name: "bench" }, { prefer: "wait=60" })
await server.call("POST", "/projects/bench/sdlc/features", { title: "Measured", start: false })

const measure = async (name: string, path: string, bar: string) => {
  for (let i = 0; i < 200; i++) await server.call("GET", path)
  const times = new Float64Array(1_000)
  for (let i = 0; i < times.length; i++) {
    const began = performance.now()
    await server.call("GET", path)
    times[i] = performance.now() - began
  }
  times.sort()
  console.log(
    `${name.padEnd(18)} p50 ${quantile(times, 0.5).toFixed(2)} ms  p90 ${quantile(times, 0.9).toFixed(2)} ms  p99 ${quantile(times, 0.99).toFixed(2)} ms   ${bar}`
  )
}
await measure("GET /healthz", "/healthz", "(floor: what HTTP alone costs here)")
await measure("GET project", "/projects/bench", "")
await measure("GET …/next", "/projects/bench/sdlc/features/measured/next", "(bar: p50 ≤ 5 ms)")

await rest(3_000)
const before = await server.usage()
await rest(15_000)
const after = await server.usage()
console.log(
  `${"idle".padEnd(18)} ${((after.cpuMillis - before.cpuMillis) / 150).toFixed(2)} % of a core, RSS ${(after.rssBytes / 1048576).toFixed(0)} MiB   (bar: ≤ 2 %)`
)
server.stop()
process.exit(0)
