/** Which issue of a forge became which feature. An issue has one for as long as the project is there, and a feature one issue. */
import { Context, type Effect, type Option } from "effect"
import type { IssueLink } from "../../domain/forge/IssueLink.ts"
import type { ProjectId } from "../../domain/Ids.ts"
import type { StoreError } from "./StoreError.ts"

export class IssueStore extends Context.Service<
  IssueStore,
  {
    /** The link that stands after it: the given one, or the one that the issue had. AlreadyExists when another issue has the slug. */
    claim(link: IssueLink): Effect.Effect<IssueLink, StoreError>
    get(projectId: ProjectId, number: number): Effect.Effect<Option.Option<IssueLink>, StoreError>
    bySlug(projectId: ProjectId, slug: string): Effect.Effect<Option.Option<IssueLink>, StoreError>
    /** NotFound when it was never claimed. */
    put(link: IssueLink): Effect.Effect<void, StoreError>
    removeAll(projectId: ProjectId): Effect.Effect<void, StoreError>
  }
>()("rdev/ports/IssueStore") {}
