/** A workspace prints as much, as fast and in as small pieces as it can; others do not notice, and little is kept. */
import type { Attack, Kind, ProjectRef } from "../Attack.ts"

export const floods: Readonly<Record<string, string>> = {
  "a megabyte of line breaks": "head -c 1000000 /dev/zero | tr '\\0' '\\n'",
  "line breaks on both streams":
    "{ head -c 300000 /dev/zero | tr '\\0' '\\n' >&2; } & head -c 300000 /dev/zero | tr '\\0' '\\n'; wait",
  "short lines": "yes | head -c 3000000",
  "one line without an end": "head -c 5000000 /dev/zero | tr '\\0' a",
  "bytes of any kind": "head -c 3000000 /dev/urandom",
  escapes: "yes \"$(printf '%%41\\\\u0041\\033[1m')\" | head -c 1000000",
  "nested escapes": "yes \"$(printf '%%2541%%252541\\\\u0041&amp;amp;#65;')\" | head -c 1000000",
  colours: "yes \"$(printf '\\033[1m\\033[31mred\\033[0m ')\" | head -c 3000000",
  "beginnings of keys": "yes 'rdev_ghp_sk-ant-AKIA-----BEGIN' | head -c 3000000",
  "many tiny writes": "i=0; while [ $i -lt 3000 ]; do echo $i; i=$((i+1)); done"
}

const until = async (attack: Attack, done: () => boolean): Promise<ReadonlyArray<number>> => {
  const times: Array<number> = []
  while (!done()) {
    const began = performance.now()
    const answer = await attack.api("GET", "/projects")
    times.push(performance.now() - began)
    if (answer.status !== 200) throw new Error(`GET /projects answered ${answer.status}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return times.sort((a, b) => a - b)
}

export const flood = async (attack: Attack, project: ProjectRef, name: string, script: string, quiet: number) => {
  const before = (await attack.events(project)).length
  let ended = false
  const running = attack.exec(project, script, { timeoutSeconds: 60 }).finally(() => {
    ended = true
  })
  const times = await until(attack, () => ended)
  const ran = await running
  attack.held(`${name} comes to its end`, ran.code === 0, `exit code ${String(ran.code)}`)
  const rows = (await attack.events(project)).length - before
  attack.held(`${name} takes few events`, rows <= 3_000, `${rows} events`)
  const p99 = at99(times)
  attack.held(
    `others wait little beside ${name}`,
    p99 <= promisedMillis || (p99 <= busyMillis && p99 <= quiet * busyTimes),
    `p99 ${p99.toFixed(0)} ms of ${times.length}, ${quiet.toFixed(0)} ms in a quiet time`
  )
  return p99
}

const at99 = (times: ReadonlyArray<number>): number => times[Math.floor(times.length * 0.99)] ?? 0
/** What holds on two cores that have nothing else to do. On a busy machine requests wait without any noise too: then a little longer than these. */
const promisedMillis = 100
const busyMillis = 1_000
const busyTimes = 5
/** Without noise, in the same run. */
export const quietTime = async (attack: Attack): Promise<number> => {
  const end = performance.now() + 4_000
  return at99(await until(attack, () => performance.now() > end))
}

export const kind: Kind = {
  name: "noisy-output",
  promise: "Output costs by its bytes, is bounded per run, and costs others nothing",
  run: async (attack) => {
    const project = await attack.project()
    const quiet = await quietTime(attack)
    for (const [name, script] of Object.entries(floods)) await flood(attack, project, name, script, quiet)
    const small = await attack.exec(project, "echo one; echo two >&2; printf three")
    attack.held(
      "ordinary output is whole",
      ["one", "two", "three"].every((word) => small.output.split("\n").includes(word)),
      small.output
    )
  }
}
