/** `ForgeIssues` over repositories in memory. */
import { Effect } from "effect"
import type { RepositoryTarget } from "../../../ports/infra/Forge.ts"
import type { ForgeIssues, Issue } from "../../../ports/forge/ForgeIssues.ts"
import { find as findIn, notFound, platform, type Repositories, run } from "./Model.ts"

/** By which the giver of a label, or who assigned somebody, is found again. */
export const labelKey = (label: string): string => `label ${label}`
export const assigneeKey = (login: string): string => `assignee ${login}`

const most = 100

export const make = (repositories: Repositories): ForgeIssues => {
  const of = (target: RepositoryTarget, number: number) => {
    const repo = findIn(repositories, target)
    return repo.issues.get(number) ?? notFound(`issue #${number} does not exist in ${repo.name}`)
  }
  return {
    me: Effect.succeed(platform.name),
    issue: (target, number) =>
      run("ForgeIssues.issue", (): Issue => {
        const { changedAtMillis: _, gaveBy: __, ...issue } = of(target, number)
        return issue
      }),
    changedSince: (target, sinceMillis) =>
      run("ForgeIssues.changedSince", () =>
        [...findIn(repositories, target).issues.values()]
          .filter(({ changedAtMillis, state }) => state === "open" && changedAtMillis >= sinceMillis)
          .sort((a, b) => b.changedAtMillis - a.changedAtMillis || b.number - a.number)
          .slice(0, most)
          .map(({ number }) => number)
      ),
    permission: (target, login) =>
      run("ForgeIssues.permission", () => findIn(repositories, target).people.get(login) ?? "none"),
    whoAsked: (target, number, by) =>
      run("ForgeIssues.whoAsked", () => {
        const issue = of(target, number)
        const has = "label" in by ? issue.labels.includes(by.label) : issue.assignees.includes(by.assignee)
        return has ? (issue.gaveBy.get("label" in by ? labelKey(by.label) : assigneeKey(by.assignee)) ?? null) : null
      }),
    ensureLabel: (target, { name }) =>
      run("ForgeIssues.ensureLabel", () => void findIn(repositories, target).labels.add(name))
  }
}
