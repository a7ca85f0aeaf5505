/** Ten features at once in one project, with real git, real sandboxes and the scripted agent. Runs with `npm run chaos` alone: it takes minutes. */
import { assert, describe, it } from "@effect/vitest"
import { ofProject } from "@rdev/core/domain/Event"
import { Effect, Schedule } from "effect"
import { onStage } from "../features/Stage.ts"

const slugs = Array.from({ length: 10 }, (_, i) => `section-${String.fromCharCode(97 + i)}`)

describe.runIf(process.env["RDEV_CHAOS"] === "full")("ten features at once in one project", () => {
  it.live(
    "all release without a person, although each of them registers itself in one file",
    () =>
      onStage({ policy: (text) => text.replace(/^wip: .*$/m, "wip: 10") }, (stage, outside) =>
        Effect.gen(function* () {
          const began = Date.now()
          for (const slug of slugs) yield* stage.features.create("hello", { title: slug, slug, description: slug })
          const all = Effect.forEach(slugs, (slug) => stage.features.get("hello", slug))
          const views = yield* all.pipe(
            Effect.repeat({
              schedule: Schedule.spaced("2 seconds"),
              until: (found) => found.every(({ decision }) => decision.kind === "done" || decision.kind === "hold")
            })
          )
          assert.deepStrictEqual(
            views.map(({ decision, index }) => [index.slug, decision.phase, decision.action]),
            slugs.map((slug) => [slug, "released", "none"])
          )
          const decided: Array<unknown> = []
          for (let cursor = 0, more = true; more;) {
            const { events } = yield* stage.log.read(ofProject(stage.target.projectId), cursor, 1000)
            decided.push(
              ...events.filter((event) => event.type === "feature.decided").map((event) => event.data["action"])
            )
            cursor = events.at(-1)?.seq ?? cursor
            more = events.length === 1000
          }
          const count = (action: string) => decided.filter((one) => one === action).length
          process.stdout.write(
            `ten features released in ${Math.round((Date.now() - began) / 1000)} s: ${count("resolve-conflicts")} conflicts solved, ${outside.ciRuns.length} CI runs, ${count("review-code")} reviews, ${count("audit")} audits, ${count("run-qa")} QA runs, ${count("escalate-rework")} escalations\n`
          )
          assert.strictEqual(count("escalate-rework"), 0)
          for (const slug of slugs)
            assert.match(stage.git("ls-tree", "-r", "--name-only", "main"), new RegExp(`src/sections/${slug}`))
        })
      ),
    1_500_000
  )
})
