/** People at a forge in memory: they open issues, label and assign them, and say things. For tests. */
import { Context, type Effect } from "effect"
import type { ForgeError, RepositoryTarget } from "../../../ports/infra/Forge.ts"
import type { Permission } from "../../../ports/forge/ForgeIssues.ts"
import { find as findIn, type MemoryIssue, nextNumber, notFound, type Repositories, run } from "./Model.ts"
import { assigneeKey, labelKey } from "./Issues.ts"

type Done<A = void> = Effect.Effect<A, ForgeError>
export interface Desk {
  letIn(target: RepositoryTarget, login: string, permission: Permission): Done
  open(target: RepositoryTarget, by: string, issue: { readonly title: string; readonly body: string }): Done<number>
  label(target: RepositoryTarget, by: string, number: number, label: string): Done
  unlabel(target: RepositoryTarget, number: number, label: string): Done
  assign(target: RepositoryTarget, by: string, number: number, login: string): Done
  /** Its id. */
  comment(target: RepositoryTarget, by: string, number: number, body: string): Done<number>
  close(target: RepositoryTarget, number: number): Done
}
export class ForgeDesk extends Context.Service<ForgeDesk, Desk>()("rdev/memory/ForgeDesk") {}

export const make = (repositories: Repositories): Desk => {
  const change = (
    target: RepositoryTarget,
    number: number,
    nowMillis: number,
    how: (issue: MemoryIssue) => Partial<MemoryIssue>
  ) => {
    const { issues, name } = findIn(repositories, target)
    const issue = issues.get(number) ?? notFound(`issue #${number} does not exist in ${name}`)
    issues.set(number, { ...issue, ...how(issue), changedAtMillis: nowMillis })
  }
  const given = (issue: MemoryIssue, key: string, by: string) => new Map(issue.gaveBy).set(key, by)
  return {
    letIn: (target, login, permission) =>
      run("ForgeDesk.letIn", () => void findIn(repositories, target).people.set(login, permission)),
    open: (target, by, { body, title }) =>
      run("ForgeDesk.open", (now) => {
        const repo = findIn(repositories, target)
        const number = nextNumber(repo)
        repo.issues.set(number, {
          number,
          title,
          body,
          state: "open",
          author: by,
          labels: [],
          assignees: [],
          url: `memory://forge/${repo.name}/issues/${number}`,
          isPullRequest: false,
          changedAtMillis: now,
          gaveBy: new Map()
        })
        return number
      }),
    label: (target, by, number, label) =>
      run("ForgeDesk.label", (now) =>
        change(target, number, now, (issue) => ({
          labels: [...new Set([...issue.labels, label])],
          gaveBy: given(issue, labelKey(label), by)
        }))
      ),
    unlabel: (target, number, label) =>
      run("ForgeDesk.unlabel", (now) =>
        change(target, number, now, ({ labels }) => ({ labels: labels.filter((one) => one !== label) }))
      ),
    assign: (target, by, number, login) =>
      run("ForgeDesk.assign", (now) =>
        change(target, number, now, (issue) => ({
          assignees: [...new Set([...issue.assignees, login])],
          gaveBy: given(issue, assigneeKey(login), by)
        }))
      ),
    comment: (target, by, number, body) =>
      run("ForgeDesk.comment", (now) => {
        const repo = findIn(repositories, target)
        const all = repo.comments.get(number) ?? []
        change(target, number, now, () => ({}))
        const id = all.length + 1
        repo.comments.set(number, [...all, { id: String(id), author: by, body, key: null, createdAtMillis: now }])
        return id
      }),
    close: (target, number) => run("ForgeDesk.close", (now) => change(target, number, now, () => ({ state: "closed" })))
  }
}
