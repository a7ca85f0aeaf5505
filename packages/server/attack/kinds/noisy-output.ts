/** A workspace prints as much, as fast and in as small pieces as it can; others do not notice, and little is kept. */
import type { Attack, Kind, ProjectRef } from "../Attack.ts"

const floods: Readonly<Record<string, string>> = {
  "a megabyte of line breaks": "head -c 1000000 /dev/zero | tr '\\0' '\\n'",
  "line breaks on both streams": "head -c 300000 /dev/zero | tr '\\0' '\\n' | tee /dev/stderr",
  "short lines": "yes | head -c 3000000",
  "one line without an end": "head -c 5000000 /dev/zero | tr '\\0' a",
  "bytes of any kind": "head -c 3000000 /dev/urandom",
  "escapes": "yes \"$(printf '%%41\\\\u0041\\033[1m')\" | head -c 1000000",
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

const flood = async (attack: Attack, project: ProjectRef, name: string, script: string) => {
  const before = (await attack.events(project)).length
  let ended = false
  const running = attack.exec(project, script, { timeoutSeconds: 60 }).finally(() => { ended = true })
  const times = await until(attack, () => ended)
  const ran = await running
  attack.held(`${name} comes to its end`, ran.code === 0, `exit code ${String(ran.code)}`)
  const rows = (await attack.events(project)).length - before
  attack.held(`${name} takes few events`, rows <= 3_000, `${rows} events`)
  const p99 = times[Math.floor(times.length * 0.99)] ?? 0
  attack.held(`others wait little beside ${name}`, p99 <= 1_000, `p99 ${p99.toFixed(0)} ms of ${times.length}`)
}

export const kind: Kind = {
  name: "noisy-output",
  promise: "Output costs by its bytes, is bounded per run, and costs others nothing",
  run: async (attack) => {
    const project = await attack.project()
    for (const [name, script] of Object.entries(floods)) await flood(attack, project, name, script)
    const small = await attack.exec(project, "echo one; echo two >&2; printf three")
    attack.held("ordinary output is whole", ["one", "two", "three"].every((word) => small.output.split("\n").includes(word)), small.output)
  }
}
