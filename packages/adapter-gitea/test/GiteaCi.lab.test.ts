// lab: gitea actions-runner
/** The suite of Ci, unchanged, against Gitea Actions and runners of the lab. */
import { suite, type Kind } from "@rdev/conformance/infra/CiSuite"
import { Effect, Layer } from "effect"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import * as GiteaCi from "../src/GiteaCi.ts"
import { folder, forge } from "./Lab.ts"
import * as Projects from "./Projects.ts"
import { label, runner } from "./Runners.ts"

/** A slow step runs as long as this file is there: Gitea has no cancel, and a runner that sleeps on would hold the machine. */
let gate = ""
const pipelines = (): Readonly<Record<Kind, string>> => ({
  green: Projects.steps({ build: "echo building", test: "true" }),
  red: Projects.steps({ build: "true", test: "echo '1 failed'; exit 3", deploy: "true" }),
  slow: Projects.steps({ wait: `while [ -e ${gate} ]; do sleep 0.2; done` }),
  broken: "steps:\n  - name: a\n    comands: [ x ]\n"
})
const runners = Layer.effectDiscard(
  Effect.gen(function* () {
    for (let count = 0; count < 4; count++) yield* runner()
    const place = yield* folder
    gate = join(place, "open")
    writeFileSync(gate, "")
  })
)

suite("Gitea", GiteaCi.layer({ runsOn: label }).pipe(Layer.provideMerge(Layer.provideMerge(runners, forge))), {
  cancels: false,
  prepare: (kind) => Projects.make({ ".woodpecker.yml": pipelines()[kind] })
})
