import { assert, describe, it } from "@effect/vitest"
import { ofProject } from "@rdev/core/domain/Event"
import { BranchName } from "@rdev/core/ports/infra/Forge"
import { maxEvents } from "@rdev/core/services/features/drive/AgentTask"
import { Effect, Option, Schedule } from "effect"
import { onStage, slug } from "./Stage.ts"

const branch = BranchName.make(`feature/${slug}`)
const main = BranchName.make("main")
const request = { title: "Contact section", slug, description: "People want to write to us." }
const human =
  (...gates: ReadonlyArray<string>) =>
  (policy: string) =>
    gates.reduce((text, gate) => text.replace(new RegExp(`^(  ${gate}: *)\\S+`, "m"), "$1human"), policy)

describe("a feature on the platform", () => {
  it.live("goes from draft to released with real commits, and leaves nothing behind", () =>
    onStage({}, (stage, outside) =>
      Effect.gen(function* () {
        yield* stage.features.create("hello", request)
        const last = yield* stage.until((decision) => decision.kind === "done")
        assert.strictEqual(last.phase, "released")
        const moves = (yield* stage.events)
          .filter((event) => event.type === "feature.moved")
          .map((event) => event.data["to"])
        assert.deepStrictEqual(moves, [
          "specified",
          "planned",
          "ready",
          "implementation",
          "review",
          "audit",
          "qa",
          "merge",
          "released"
        ])
        assert.match(stage.git("log", "--merges", "--format=%s", "main"), /contact/i)
        assert.match(stage.git("ls-tree", "-r", "--name-only", "main"), /src\/sections\/contact/)
        assert.strictEqual(stage.git("branch", "--list", branch), "", "the branch is given back")
        assert.lengthOf(outside.deployed, 1)
        const trail = yield* stage.audit.list(stage.target.projectId, { before: null, limit: 100 })
        for (const type of ["feature.create", "feature.open-pr", "feature.merge", "feature.deploy"])
          assert.isTrue(
            trail.some((entry) => entry.type === type),
            type
          )
      })
    )
  )

  it.live(
    "waits at a human gate; a rejection loops, an approval opens it, an edit after the approval closes it again",
    () =>
      onStage({ policy: human("spec") }, (stage) =>
        Effect.gen(function* () {
          const { asAda, features, objects, target, until } = stage
          yield* features.create("hello", request)
          yield* until((decision) => decision.action === "approve-spec")
          const refused = yield* Effect.flip(features.verdict("hello", slug, { verdict: "approve" }))
          assert.include(refused.message, "needs a person", "the platform itself may not approve")
          const bare = yield* Effect.flip(asAda(features.verdict("hello", slug, { verdict: "reject" })))
          assert.include(bare.message, "reason", "a rejection without a reason helps nobody")
          yield* asAda(features.verdict("hello", slug, { verdict: "reject", reason: "say who reads the mail" }))
          const again = yield* until((decision) => decision.action === "approve-spec" && decision.rule === "S7")
          assert.isTrue(
            (yield* stage.events).some(
              (event) => event.type === "feature.decided" && event.data["action"] === "revise-spec"
            ),
            "the agent revised it"
          )
          assert.strictEqual(again.approver, "human")
          yield* asAda(features.verdict("hello", slug, { verdict: "approve" }))
          yield* until((decision) => decision.phase !== "draft")
          yield* asAda(features.pause("hello", slug, "somebody edits the spec"))
          const head = Option.getOrThrow(yield* objects.head(target, branch))
          const path = `.sdlc/features/${slug}/spec.md`
          const spec = Buffer.from(
            (yield* objects.readFiles(target, head, ".sdlc")).get(path) ?? new Uint8Array()
          ).toString()
          yield* objects.commit(target, {
            branch,
            expectedHead: head,
            changes: [{ path, content: `${spec}\nThe page shall also sing.\n` }],
            message: "edit",
            author: { name: "eve", email: "eve@example.test" }
          })
          yield* asAda(features.resume("hello", slug))
          const back = yield* until((decision) => decision.phase === "draft")
          assert.strictEqual(back.phase, "draft", "the approval was bound to the content it was given for")
        })
      )
  )

  it.live(
    "asks a person at once where every attempt would fail the same way, with the cause, and goes on after the answer",
    () =>
      Effect.forEach(
        [
          [{ agent: "nobody" }, /there is no agent \\?"nobody\\?"/],
          [{ agents: [{ kind: "command", name: "ghost", argv: ["rdev-no-such-program"] }] }, /rdev-no-such-program/]
        ] as const,
        ([options, cause]) =>
          onStage(options, (stage) =>
            Effect.gen(function* () {
              yield* stage.features.create("hello", request)
              for (const round of [1, 2]) {
                const held = yield* stage.until((decision) => decision.action === "await-escalation")
                assert.match(held.reason, cause, "next and why say it")
                const failures = (yield* stage.events).filter((event) => event.type === "feature.action_failed")
                assert.lengthOf(failures, round, "tried once, and once again after each answer")
                if (round === 1) {
                  yield* stage.asAda(stage.features.answer("hello", slug, "try again"))
                  yield* Effect.retry(
                    Effect.flatMap(stage.events, (events) =>
                      events.filter((event) => event.type === "feature.action_failed").length === 2
                        ? Effect.void
                        : Effect.fail("not yet")
                    ),
                    Schedule.spaced("50 millis")
                  )
                }
              }
            })
          ),
        { discard: true }
      )
  )

  it.live("mends a red pipeline: fix-ci, then green", () =>
    onStage({ outside: {} }, (stage, outside) =>
      Effect.gen(function* () {
        outside.ci = (sha) => (outside.ciRuns[0] === sha ? "red" : "green")
        yield* stage.features.create("hello", request)
        yield* stage.until(
          (decision) => decision.action === "fix-ci" || decision.kind === "done" || decision.kind === "hold"
        )
        const actions = (yield* stage.events)
          .filter((event) => event.type === "feature.decided")
          .map((event) => event.data["action"])
        assert.include(actions, "fix-ci")
      })
    )
  )

  it.live("resolves a conflict with what landed on the default branch meanwhile", () =>
    onStage({ policy: human("human-review") }, (stage) =>
      Effect.gen(function* () {
        const { asAda, objects, target } = stage
        yield* stage.features.create("hello", request)
        yield* stage.until((decision) => decision.action === "approve-review")
        const head = Option.getOrThrow(yield* objects.head(target, main))
        const registry = [
          ...(yield* objects.readFiles(target, Option.getOrThrow(yield* objects.head(target, branch)), "src"))
        ].find(([, content]) => Buffer.from(content).toString().includes("./sections/contact"))
        assert.isDefined(registry, "the feature is registered in a file")
        const [path = ""] = registry ?? []
        const mine = Buffer.from(
          (yield* objects.readFiles(target, head, "src")).get(path) ?? new Uint8Array()
        ).toString()
        const theirs = mine
          .replace("welcome]", "welcome, news]")
          .replace(/(import welcome.*\n)/, '$1import news from "./sections/news.mjs"\n')
        const section = Buffer.from(
          (yield* objects.readFiles(target, head, "src")).get("src/sections/welcome.mjs") ?? new Uint8Array()
        )
          .toString()
          .replaceAll("welcome", "news")
          .replaceAll("Welcome", "News")
        yield* objects.commit(target, {
          branch: main,
          expectedHead: head,
          changes: [
            { path, content: theirs },
            { path: "src/sections/news.mjs", content: section }
          ],
          message: "news",
          author: { name: "eve", email: "eve@example.test" }
        })
        yield* stage.features.run("hello", slug)
        yield* stage.until((decision) => decision.action === "approve-review" && decision.phase === "review")
        const actions = (yield* stage.events)
          .filter((event) => event.type === "feature.decided")
          .map((event) => event.data["action"])
        assert.include(actions, "resolve-conflicts")
        yield* asAda(stage.features.verdict("hello", slug, { verdict: "approve" }))
        yield* stage.until((decision) => decision.kind === "done")
        assert.match(stage.git("show", `main:${path}`), /news/)
        assert.match(stage.git("show", `main:${path}`), /contact/)
      })
    )
  )

  it.live(
    "refuses events that an agent writes in a person's name: nothing lands, a human is asked after the third attempt",
    () =>
      onStage(
        {
          agents: [
            {
              kind: "command",
              name: "mallory",
              argv: ["sh", "-ceu", "echo draft > draft.txt; SDLC_PRINCIPAL=human:ada sdlc pause contact --reason mine"]
            }
          ]
        },
        (stage) =>
          Effect.gen(function* () {
            yield* stage.features.create("hello", request)
            const last = yield* stage.until((decision) => decision.action === "await-escalation")
            assert.strictEqual(last.phase, "draft")
            const refusals = (yield* stage.events).filter((event) => event.type === "feature.refused")
            assert.lengthOf(refusals, 3)
            assert.include(JSON.stringify(refusals[0]?.data), "written by mallory in the name of human ada")
            assert.notMatch(stage.git("ls-tree", "-r", "--name-only", branch), /-paused\.json|draft\.txt/)
          })
      )
  )

  it.live("an approval forged by hand does not even fit the chain", () =>
    onStage({ fault: "forge-approval@create-spec", policy: human("spec") }, (stage) =>
      Effect.gen(function* () {
        yield* stage.features.create("hello", request)
        yield* stage.until((decision) => decision.action === "await-escalation")
        assert.notMatch(stage.git("ls-tree", "-r", "--name-only", branch), /-verdict\.json/)
      })
    )
  )

  it.live("an agent's work lands whatever it made of the repository, and nothing of that meets the next run", () =>
    Effect.forEach(
      [
        "rm -rf .git; mkdir .git; touch .git/index.lock",
        "if git config --get commit.gpgsign || git config --global --get user.name; then exit 9; fi; git config commit.gpgsign true; git config gpg.program /bin/false; git config --global user.name Ada; mkdir -p .git/hooks; for h in pre-commit post-merge; do printf '#!/bin/sh\\necho smuggled > smuggled.txt; git add -A\\n' > .git/hooks/$h; chmod +x .git/hooks/$h; done; touch .git/index.lock"
      ],
      (script) =>
        onStage(
          {
            agents: [
              { kind: "command", name: "vandal", argv: ["sh", "-ceu", `${script}; date +%N > "x-$$-$(date +%N).txt"`] }
            ]
          },
          (stage) =>
            Effect.gen(function* () {
              yield* stage.features.create("hello", request)
              yield* stage.until((decision) => decision.action === "await-escalation")
              const files = stage.git("ls-tree", "-r", "--name-only", branch).split("\n")
              assert.isNotEmpty(files.filter((file) => file.startsWith("x-")))
              assert.notInclude(files, "smuggled.txt")
              for (const failure of (yield* stage.events).filter((event) => event.type === "feature.action_failed"))
                assert.match(JSON.stringify(failure.data), /ended without a result that counts/)
              assert.strictEqual(
                stage.git("log", "--author=vandal@agents.rdev", "--format=%an", branch).split("\n").length,
                files.filter((file) => file.startsWith("x-")).length,
                "one commit a run"
              )
            })
        ),
      { discard: true }
    )
  )

  it.live("what the agent hands over is merged and examined where it cannot act, when somebody pushed meanwhile", () =>
    onStage(
      {
        agents: [
          {
            kind: "command",
            name: "slow",
            argv: [
              "sh",
              "-ceu",
              "mkdir -p .git/hooks; printf '#!/bin/sh\\necho hooked > hooked.txt; printf x > .sdlc/policy.yaml; git add -A; git commit -qm hooked\\n' > .git/hooks/post-merge; chmod +x .git/hooks/post-merge; echo mine > mine.txt; while [ ! -e /workspace/go ] && [ ! -e go ]; do sleep 0.1; done; rm -f go"
            ]
          }
        ]
      },
      (stage) =>
        Effect.gen(function* () {
          const { objects, host, target } = stage
          yield* stage.features.create("hello", request)
          const running = Effect.gen(function* () {
            const workspace = (yield* host.list).find((one) => one.name === slug)
            if (workspace === undefined) return false
            return yield* host.readFile(workspace, "mine.txt").pipe(
              Effect.as(true),
              Effect.orElseSucceed(() => false)
            )
          })
          yield* Effect.repeat(Effect.delay(running, 50), { until: (there) => there })
          const head = Option.getOrThrow(yield* objects.head(target, branch))
          yield* objects.commit(target, {
            branch,
            expectedHead: head,
            changes: [{ path: "theirs.txt", content: "theirs" }],
            message: "push",
            author: { name: "eve", email: "eve@example.test" }
          })
          const workspace = (yield* host.list).find((one) => one.name === slug)
          if (workspace === undefined) return assert.fail("the feature's workspace is gone")
          yield* host.writeFile(workspace, "go", "")
          const landed = yield* Effect.repeat(
            Effect.delay(
              Effect.sync(() => stage.git("ls-tree", "-r", "--name-only", branch).split("\n")),
              50
            ),
            { until: (files) => files.includes("mine.txt") }
          )
          assert.include(landed, "theirs.txt")
          assert.notInclude(landed, "hooked.txt")
          assert.match(stage.git("log", "--merges", "--format=%an %s", branch), /^rdev Merge what was handed over/m)
        })
    )
  )

  it.live("keeps a flood of output out of the project's stream", () =>
    onStage(
      { agents: [{ kind: "command", name: "flood", argv: ["sh", "-ceu", "yes | head -n 60000; exit 1"] }] },
      (stage) =>
        Effect.gen(function* () {
          yield* stage.features.create("hello", request)
          yield* stage.until((decision) => decision.action === "await-escalation")
          const { watermark } = yield* stage.log.read(ofProject(stage.target.projectId), 0, 1)
          assert.isBelow(watermark, 3 * (maxEvents + 50))
        })
    )
  )

  it.live("refuses a changed policy", () =>
    onStage({ fault: "touch-policy@create-spec" }, (stage) =>
      Effect.gen(function* () {
        yield* stage.features.create("hello", request)
        yield* stage.until((decision) => decision.action === "await-escalation")
        const refusal = (yield* stage.events).find((event) => event.type === "feature.refused")
        assert.include(JSON.stringify(refusal?.data), "an agent may not change the policy")
        assert.include(stage.git("show", `${branch}:.sdlc/policy.yaml`), "agent-review: agent")
      })
    )
  )

  it.live("asks a human after three crashes of the agent, and goes on with the answer", () =>
    onStage({ fault: "crash@create-spec" }, (stage) =>
      Effect.gen(function* () {
        yield* stage.features.create("hello", request)
        yield* stage.until((decision) => decision.action === "await-escalation")
        const failures = (yield* stage.events).filter((event) => event.type === "feature.action_failed")
        assert.lengthOf(failures, 3)
        assert.include(JSON.stringify(failures[0]?.data), "70", "the exit code is named")
        assert.notInclude(
          stage.git("ls-tree", "-r", "--name-only", branch),
          "half-done.txt",
          "work of a failed run is dropped"
        )
        yield* stage.asAda(stage.features.answer("hello", slug, "try again"))
        yield* stage.until((decision) => decision.action === "await-escalation" && decision.facts.length > 0)
      })
    )
  )

  it.live("restores a damaged event from the last intact commit and goes on", () =>
    onStage({ policy: human("spec") }, (stage) =>
      Effect.gen(function* () {
        const { objects, target } = stage
        yield* stage.features.create("hello", request)
        yield* stage.until((decision) => decision.action === "approve-spec")
        const head = Option.getOrThrow(yield* objects.head(target, branch))
        const event = [...(yield* objects.readFiles(target, head, ".sdlc")).keys()].find((path) =>
          path.endsWith("-artifact-submitted.json")
        )
        assert.isDefined(event)
        yield* objects.commit(target, {
          branch,
          expectedHead: head,
          changes: [{ path: event ?? "", content: "{ not json" }],
          message: "damage",
          author: { name: "eve", email: "eve@example.test" }
        })
        const damaged = yield* stage.features.get("hello", slug)
        assert.strictEqual(damaged.decision.action, "repair-state")
        const denied = yield* Effect.flip(stage.asAda(stage.features.verdict("hello", slug, { verdict: "approve" })))
        assert.include(denied.message, event ?? "", "the damaged file is named")
        yield* stage.features.run("hello", slug)
        yield* stage.until((decision) => decision.action === "approve-spec")
        assert.notInclude(stage.git("show", `${branch}:${event ?? ""}`), "not json")
      })
    )
  )

  it.live("a cancelled feature gives everything back and is archived", () =>
    onStage({ policy: human("human-review") }, (stage) =>
      Effect.gen(function* () {
        yield* stage.features.create("hello", request)
        yield* stage.until((decision) => decision.action === "approve-review")
        yield* stage.asAda(stage.features.cancel("hello", slug, "not wanted any more"))
        const last = yield* stage.until((decision) => decision.kind === "done")
        assert.strictEqual(last.rule, "L2")
        assert.notMatch(stage.git("ls-tree", "-r", "--name-only", main), /contact/)
        const twice = yield* Effect.flip(stage.asAda(stage.features.cancel("hello", slug, "again")))
        assert.include(twice.message, "already")
      })
    )
  )

  it.live("rolls an unhealthy release back and reopens the feature with a fix task", () =>
    onStage({}, (stage, outside) =>
      Effect.gen(function* () {
        let healthy = false
        outside.healthy = () => healthy
        yield* stage.features.create("hello", request)
        yield* stage.until((decision) => decision.phase === "implementation" && outside.rolledBack === 1)
        healthy = true
        const last = yield* stage.until((decision) => decision.kind === "done" || decision.kind === "hold")
        assert.strictEqual(last.kind, "done", last.reason)
        assert.lengthOf(outside.deployed, 2)
      })
    )
  )

  it.live("says what is wrong with a request and changes nothing", () =>
    onStage({}, (stage) =>
      Effect.gen(function* () {
        const { features } = stage
        const messages = yield* Effect.all([
          Effect.flip(features.create("nowhere", request)),
          Effect.flip(features.create("hello", { ...request, title: " " })),
          Effect.flip(features.create("hello", { title: "***" })),
          Effect.flip(features.create("hello", { ...request, slug: "Not A Slug" })),
          Effect.flip(features.create("hello", { ...request, deps: ["ghost"] })),
          Effect.flip(features.create("hello", { ...request, preset: "strict" })),
          Effect.flip(features.get("hello", "ghost")),
          Effect.flip(stage.asAda(features.verdict("hello", "ghost", { verdict: "approve" })))
        ])
        assert.deepStrictEqual(
          messages.map((error) => error.message.split(/[:;]/)[0]),
          [
            "project nowhere does not exist",
            "title",
            "slug",
            "slug",
            "deps",
            "preset",
            "project hello has no feature ghost",
            "project hello has no feature ghost"
          ]
        )
        assert.lengthOf(yield* features.list("hello", { after: null, limit: 10 }), 0)
        yield* features.create("hello", { ...request, start: false })
        const taken = yield* Effect.flip(features.create("hello", request))
        assert.include(taken.message, "already")
      })
    )
  )
})
