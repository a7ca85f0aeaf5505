/**
 * 1,000 readers of one project's stream, 50 events a second each: time from append to arrival, processor time and memory of the
 * server. The readers are in this process, so both share the machine's cores. Arguments: readers, events per second, seconds.
 */
import { connect } from "node:net"
import { quantile, rest, serve } from "./Bench.ts"

const [readers = 1_000, perSecond = 50, seconds = 15] = process.argv.slice(2).map(Number)
const server = await serve()
await server.call("POST", "/projects", { name: "bench" }, { prefer: "wait=60" })

/** Looks every 20 ms. */
const until = async (done: () => boolean) => {
  while (!done()) await rest(20)
}
const expected = readers * perSecond * seconds
const latencies = new Float64Array(expected)
let count = 0
let synced = 0
const mark = Buffer.from('"sent":')
const sockets = Array.from({ length: readers }, () => {
  const socket = connect(server.port, "127.0.0.1", () =>
    socket.write(
      `GET /projects/bench/events?types=output&after=0 HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nAuthorization: Bearer ${server.key}\r\n\r\n`
    )
  )
  let ready = false
  socket
    .on("data", (chunk) => {
      const now = Date.now()
      if (!ready && chunk.includes("event: synced")) {
        ready = true
        synced++
      }
      for (let at = chunk.indexOf(mark); at !== -1 && count < expected; at = chunk.indexOf(mark, at + 1))
        latencies[count++] = now - Number(chunk.toString("latin1", at + mark.length, at + mark.length + 13))
    })
    .on("error", (error) => console.error(error.message))
  return socket
})
await until(() => synced >= readers)
await rest(1_000)

const before = await server.usage()
const began = performance.now()
await server.flood({ project: "bench", perSecond, seconds })
const late = performance.now() + 10_000
await until(() => count >= expected || performance.now() >= late)
const after = await server.usage()
const wall = performance.now() - began
for (const socket of sockets) socket.destroy()

const sorted = latencies.subarray(0, count).sort()
const ms = (q: number) => `${quantile(sorted, q).toFixed(0)} ms`
console.log(
  `sse: ${readers} readers × ${perSecond}/s × ${seconds} s: ${count} of ${expected} events arrived (${((count / expected) * 100).toFixed(2)} %)`
)
console.log(`  append to arrival  p50 ${ms(0.5)}  p90 ${ms(0.9)}  p99 ${ms(0.99)}  max ${ms(1)}   (bar: p99 ≤ 250 ms)`)
console.log(
  `  server             ${(((after.cpuMillis - before.cpuMillis) / wall) * 100).toFixed(0)} % of a core, RSS ${(before.rssBytes / 1048576).toFixed(0)} → ${(after.rssBytes / 1048576).toFixed(0)} MiB`
)
server.stop()
process.exit(count === expected ? 0 : 1)
