/** What is asked for in `POST /projects` as the service takes it: a token that the server holds itself is read here. */
import type { NewProject } from "@rdev/api/groups/Projects"
import * as Problem from "@rdev/api/Problem"
import type { NewProject as Wanted } from "@rdev/core/services/Projects"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"

type Token = NonNullable<NonNullable<(typeof NewProject.Type)["repository"]>["token"]>

const missing = (name: string) =>
  `the server has no variable ${name}; set it and start the server again, or give the token as {"value": …}`

const tokenOf = (token: Token) => {
  if ("value" in token) return Effect.succeed(Redacted.make(token.value))
  const value = process.env[token.env]
  return value === undefined || value === ""
    ? Effect.fail(
        Problem.make("unprocessable", {
          detail: `repository.token.env: ${missing(token.env)}`,
          errors: [{ pointer: "/repository/token/env", detail: missing(token.env) }]
        })
      )
    : Effect.succeed(Redacted.make(value))
}

export const fromWire = Effect.fn("NewProjects.fromWire")(function* ({ repository, ...rest }: typeof NewProject.Type) {
  if (repository === undefined) return rest satisfies Wanted
  const { token, ...where } = repository
  return {
    ...rest,
    repository: { ...where, ...(token === undefined ? {} : { token: yield* tokenOf(token) }) }
  } satisfies Wanted
})
