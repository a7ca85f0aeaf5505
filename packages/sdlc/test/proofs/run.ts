/** `npm run prove -w @rdev/sdlc`: the proofs at length, with their counts. Exits 1 when one fails. */
import { readFileSync } from "node:fs"
import { factsOf, type VectorFile } from "../vectors/Vectors.ts"
import { gate } from "./Gate.ts"
import { productSize } from "./Oracle.ts"
import { policies } from "./Policies.ts"
import { cover, line, model, states } from "./Prove.ts"

let failures = 0
const say = (text: string) => void process.stdout.write(`${text}\n`)
const expect = (holds: boolean, text: string) => {
  say(`${holds ? "holds" : "FAILS"}  ${text}`)
  if (!holds) failures++
}

const { hit, leaves, readsDiffer, undecided, volume } = cover()
expect(volume === productSize && undecided === 0, `T1 exact cover: ${leaves} leaves, volume ${volume}`)
expect(hit.size === 122, `T2 no dead rule: ${hit.size} of 122 hit`)
expect(readsDiffer === 0, "T10 decisions list the facts they rest on")

for (const [disturbances, over, names] of [
  [1, {}, undefined],
  [1, { maxAttempts: 3, maxRework: 3 }, ["lean", "library", "hotfix", "standard"]],
  [2, {}, ["lean"]]
] as const) {
  const reports = model(
    disturbances,
    over,
    names as ReadonlyArray<string> as Array<string> | undefined,
    disturbances === 1 && Object.keys(over).length === 0 ? Object.keys(policies) : undefined
  )
  for (const report of reports) {
    expect(
      report.violations.length === 0,
      `T3–T6, ${disturbances} from outside, ${JSON.stringify(over)}: ${line(report)}`
    )
    report.violations.forEach(say)
  }
}

const millions = 4
for (let seed = 1; seed <= millions; seed++) {
  const found = states(1_000_000, seed)
  expect(found.length === 0, `S1–S25 on a million states, seed ${seed}`)
  found.forEach(say)
}

const file = JSON.parse(readFileSync(new URL("../../vectors/classify.json", import.meta.url), "utf8")) as VectorFile
const verdicts = gate(
  file.cases.map((one) => factsOf(file, one)),
  true
)
const tally = new Map<string, number>()
for (const { killer, mutant } of verdicts)
  tally.set(`${mutant.operator}, ${killer}`, (tally.get(`${mutant.operator}, ${killer}`) ?? 0) + 1)
for (const [what, count] of tally) say(`       mutants: ${what}: ${count}`)
expect(
  verdicts.every((verdict) => verdict.killer !== "nobody"),
  `T7 mutation gate: ${verdicts.length} mutants`
)
process.exitCode = failures === 0 ? 0 : 1
