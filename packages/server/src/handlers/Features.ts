/** `features`: each handler makes one call of the service. */
import { Api } from "@rdev/api/Api"
import type { NewFeature } from "@rdev/api/groups/Features"
import { Features, type GivenVerdict, type NewFeature as FeatureSpec } from "@rdev/core/services/Features"
import * as Effect from "effect/Effect"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import { answer } from "../http/Failures.ts"
import { Paging } from "../http/Paging.ts"
import * as Access from "../Access.ts"
import * as Views from "../Views.ts"
import * as WaitingFacts from "../WaitingFacts.ts"

interface Path {
  readonly project: string
  readonly feature: string
}
const specOf = (payload: typeof NewFeature.Type): FeatureSpec => ({ ...payload })

export const layer = HttpApiBuilder.group(
  Api,
  "features",
  Effect.fn(function* (handlers) {
    const findProject = yield* Access.findProject
    const features = yield* Features
    const paging = yield* Paging
    const waiting = yield* WaitingFacts.make
    const detail = ({ feature, project }: Path) =>
      // The index row follows the repository a moment later; what was just said stands in the repository already.
      Effect.flatMap(features.snapshot(project, feature), ({ decision, snapshot }) =>
        Effect.map(waiting.feature(decision, snapshot.index), (waitingFor) => ({
          feature: { ...Views.feature(snapshot.index), lifecycle: snapshot.state.lifecycle, phase: decision.phase },
          next: Views.decision(decision, snapshot, waitingFor)
        }))
      )
    const now = ({ feature, project }: Path) =>
      Effect.flatMap(features.get(project, feature), (found) =>
        Effect.map(waiting.feature(found.decision, found.index), (waitingFor) => [found, waitingFor] as const)
      )
    const after = <E, R>(params: Path, verb: Effect.Effect<unknown, E, R>) =>
      answer(Effect.andThen(verb, detail(params)))
    const verdict = ({ feature, project }: Path, given: GivenVerdict) =>
      answer(
        Effect.map(features.verdict(project, feature, given), ({ gate, subject }) => ({
          gate,
          subject,
          verdict: given.verdict
        }))
      )
    return handlers.handleAll({
      create: ({ params, payload }) =>
        answer(Effect.map(features.create(params.project, specOf(payload)), Views.feature)),
      list: ({ params, query }) =>
        answer(
          Effect.gen(function* () {
            const project = yield* findProject(params.project)
            const list = ["features", project.id]
            const { after, limit } = yield* paging.read(list, query)
            const rows = yield* features.list(project.id, { after, limit })
            return { features: rows.map(Views.feature), nextCursor: paging.next(list, limit, rows, rows.at(-1)?.id) }
          })
        ),
      get: ({ params }) => answer(detail(params)),
      next: ({ params }) =>
        answer(Effect.map(now(params), ([found, waitingFor]) => Views.decision(found.decision, found, waitingFor))),
      why: ({ params }) =>
        answer(Effect.map(now(params), ([found, waitingFor]) => Views.explanation(found.decision, found, waitingFor))),
      documents: ({ params, query }) => answer(features.documents(params.project, params.feature, query.gate ?? null)),
      document: ({ params }) =>
        answer(
          Effect.map(features.document(params.project, params.feature, params.document), ({ document, sha }) => ({
            ...document,
            sha
          }))
        ),
      diff: ({ params, query }) => answer(features.changes(params.project, params.feature, query.path ?? null)),
      approve: ({ params, payload }) => verdict(params, { ...payload, verdict: "approve" }),
      reject: ({ params, payload }) => verdict(params, { ...payload, verdict: "reject" }),
      waive: ({ params, payload }) => verdict(params, { ...payload, verdict: "waive" }),
      run: ({ params }) => after(params, features.run(params.project, params.feature)),
      pause: ({ params, payload }) => after(params, features.pause(params.project, params.feature, payload.reason)),
      resume: ({ params }) => after(params, features.resume(params.project, params.feature)),
      cancel: ({ params, payload }) => after(params, features.cancel(params.project, params.feature, payload.reason)),
      answer: ({ params, payload }) => after(params, features.answer(params.project, params.feature, payload.text)),
      unblock: ({ params, payload }) =>
        after(params, features.unblock(params.project, params.feature, payload.planTask))
    })
  })
)
