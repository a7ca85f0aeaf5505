// lab: gitea
/** The two suites of a forge, unchanged, against a real Gitea. */
import { suite as git } from "@rdev/conformance/infra/GitObjectsSuite"
import { suite as issues } from "@rdev/conformance/infra/ForgeIssuesSuite"
import { suite as host } from "@rdev/conformance/infra/RepositoryHostSuite"
import { Effect } from "effect"
import { client, forge, organisation, people } from "./Lab.ts"

const stranger = Effect.gen(function* () {
  const name = `stranger-${Math.random().toString(36).slice(2, 10)}`
  const { json } = yield* client.call("POST", `/orgs/${organisation}/repos`, {
    body: { name, private: true, auto_init: true }
  })
  return String((json as { readonly id: number }).id)
}).pipe(Effect.orDie)

host("Gitea", forge, { stranger, webhookEvents: ["push", "pull_request"], protects: true })
git("Gitea", forge, { mergesLines: true, portableBundles: true })
issues("Gitea", forge, people)
