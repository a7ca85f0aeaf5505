// lab: gitea actions-runner
/** The suites of RepositoryHost and Ci, unchanged, through a proxy that cuts, delays, refuses, loses and repeats what it carries. */
import { suite as ci, type Kind } from "@rdev/conformance/infra/CiSuite"
import { suite as host } from "@rdev/conformance/infra/RepositoryHostSuite"
import * as FaultProxy from "@rdev/conformance/faults/FaultProxy"
import { insisting } from "@rdev/conformance/faults/Insisting"
import { Ci } from "@rdev/core/ports/infra/Ci"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { Effect, Layer } from "effect"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import * as GiteaCi from "../src/GiteaCi.ts"
import * as GiteaForge from "../src/GiteaForge.ts"
import { client, folder, made, organisation, remove, token, url } from "./Lab.ts"
import * as Projects from "./Projects.ts"
import { label, runner } from "./Runners.ts"

/** What is told apart by whether it was new must not be lost: its maker would say that it was there. */
const mayLose = ({ method, path }: FaultProxy.Asked) =>
  method === "GET" || !/\/(?:repos|variables\/[A-Z_]+|tokens|comments|git-receive-pack)$/.test(path)

const insisted = Layer.mergeAll(
  Layer.effect(RepositoryHost, Effect.map(RepositoryHost, insisting)),
  Layer.effect(GitObjects, Effect.map(GitObjects, insisting))
)
/** Every fifth request meets something. */
const faulty = Layer.unwrap(
  Effect.gen(function* () {
    yield* Effect.acquireRelease(Effect.orDie(made), () => Effect.orDie(remove))
    const proxy = yield* FaultProxy.make(url)
    proxy.choose(FaultProxy.byTurns(5, mayLose))
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => console.log(`${proxy.done.length} of ${proxy.count()} requests met a fault`))
    )
    const forge = GiteaForge.layer({ dataDir: yield* folder, url: proxy.url, token, organisation })
    return insisted.pipe(Layer.provideMerge(forge))
  })
)
const stranger = Effect.gen(function* () {
  const name = `stranger-${Math.random().toString(36).slice(2, 10)}`
  const { json } = yield* client.call("POST", `/orgs/${organisation}/repos`, {
    body: { name, private: true, auto_init: true }
  })
  return String((json as { readonly id: number }).id)
}).pipe(Effect.orDie)

host("Gitea behind faults", faulty, { stranger, webhookEvents: ["push", "pull_request"], protects: true })

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
    gate = join(yield* folder, "open")
    writeFileSync(gate, "")
  })
)
const faultyCi = Layer.effect(Ci, Effect.map(Ci, insisting)).pipe(
  Layer.provideMerge(GiteaCi.layer({ runsOn: label })),
  Layer.provideMerge(Layer.provideMerge(runners, faulty))
)
ci("Gitea behind faults", faultyCi, {
  cancels: false,
  prepare: (kind) => Projects.make({ ".woodpecker.yml": pipelines()[kind] })
})
