/** Small trees for the tests of the repo layer: a project, features, events with given times. */
import type { Principal } from "../../src/model/Principal.ts"
import * as Repo from "../../src/repo/Repo.ts"
import type { SigningKey } from "../../src/repo/Trust.ts"

export const human: Principal = { id: "human:ada", type: "human" }
export const agent: Principal = { id: "agent:claude", type: "agent" }

let counter = 0
/** Bytes that never repeat within a run, so that ids do not collide. */
export const unique = (): Uint8Array => {
  counter++
  return Uint8Array.from([
    0,
    0,
    0,
    0,
    0,
    0,
    (counter >> 24) & 255,
    (counter >> 16) & 255,
    (counter >> 8) & 255,
    counter & 255
  ])
}

export const stamp = (timeMillis: number, actor: Principal = human, key?: SigningKey): Repo.Stamp => ({
  actor,
  timeMillis,
  random: unique(),
  ...(key === undefined ? {} : { key })
})

export const project = (): Map<string, string> =>
  new Map(Repo.initProject(new Map()).map((write) => [write.path, write.content]))

export const spec = `---
sdlc: { v: 1, kind: spec }
---
# Greeting

### REQ-001: Greet
When a visitor opens the page, the site shall greet the visitor by name.

#### SC-001: known visitor
- Given a visitor named Ada
- When Ada opens the page
- Then the page says "Hello Ada"
`

export const put = (files: Map<string, string>, writes: ReadonlyArray<Repo.Write>): void => {
  for (const write of writes) files.set(write.path, write.content)
}

/** A project with one feature and, on request, some events after its creation. */
export const withFeature = (slug = "hello", events = 0): Map<string, string> => {
  const files = project()
  put(files, Repo.createFeature(files, { slug, title: "Hello", kind: "feature" }, stamp(1_700_000_000_000)).writes)
  for (let index = 0; index < events; index++)
    append(files, slug, { type: "cost-recorded", data: { cost: { usd: index } } }, 1_700_000_001_000 + index * 1000)
  return files
}

export const append = (
  files: Map<string, string>,
  slug: string,
  draft: Repo.Draft,
  timeMillis: number,
  actor: Principal = human,
  key?: SigningKey
): Repo.Appended => {
  const appended = Repo.appendEvent(Repo.load(files, slug), draft, stamp(timeMillis, actor, key))
  files.set(appended.path, appended.content)
  return appended
}
