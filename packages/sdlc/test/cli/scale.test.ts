import { readFileSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import * as Listing from "../../src/cli/Listing.ts"
import { standardPolicy } from "../../src/model/Presets.ts"
import * as Disk from "../../src/repo/Disk.ts"
import * as Repo from "../../src/repo/Repo.ts"
import { stamp } from "../repo/Trees.ts"
import { mayHoldSlot } from "../../src/cli/Session.ts"
import { repository, type Repository } from "./Cli.ts"

let open: Array<Repository> = []
afterEach(() => {
  for (const repo of open) repo.remove()
  open = []
})

const count = 220
/** Later than every stamp of the files, so that all of them may be kept. */
const later = Date.now() + 3_600_000

const many = (): Repository => {
  const repo = repository()
  open.push(repo)
  const files = new Map(Repo.initProject(new Map()).map((write) => [write.path, write.content]))
  for (const [path, content] of files) repo.write(path, content)
  for (let index = 0; index < count; index++) {
    const { writes } = Repo.createFeature(
      files,
      { slug: `feature-${index}`, title: `Feature ${index}`, kind: "feature" },
      stamp(index)
    )
    for (const { content, path } of writes) repo.write(path, content)
  }
  return repo
}
const append = (repo: Repository, slug: string, draft: Repo.Draft, at: number): void => {
  const { loaded } = { loaded: Repo.load(Disk.readFeature(repo.root, slug), slug) }
  const { content, path } = Repo.appendEvent(loaded, draft, stamp(at))
  repo.write(path, content)
}
const listed = (repo: Repository) => Listing.rows(repo.root, standardPolicy, later)
const index = (repo: Repository) => join(repo.root, ".sdlc/cache/features.json")

describe("the listing's index", () => {
  it("gives what reading everything gives, and is not needed", () => {
    const repo = many()
    const first = listed(repo)
    expect(first).toHaveLength(count)
    expect(Object.keys((JSON.parse(readFileSync(index(repo), "utf8")) as { entries: object }).entries)).toHaveLength(
      count
    )
    expect(listed(repo)).toEqual(first)
    append(repo, "feature-7", { type: "feature-amended", data: { title: "Another" } }, 500)
    append(repo, "feature-8", { type: "paused", data: { reason: "later" } }, 501)
    expect(
      listed(repo)
        .filter((row) => row.lifecycle === "paused")
        .map((row) => row.feature)
    ).toEqual(["feature-8"])
    repo.write(".sdlc/features/feature-9/events/01ARYZ6S41TSV4RRFFQ69G5FAV-paused.json", "{}")
    expect(
      listed(repo)
        .filter((row) => row.integrity === "corrupt")
        .map((row) => row.feature)
    ).toEqual(["feature-9"])
  })
  it("is replaced when it is damaged, of another policy, or of another tool", () => {
    const repo = many()
    const first = listed(repo)
    const good = readFileSync(index(repo), "utf8")
    for (const text of [
      "",
      "{",
      "[]",
      "null",
      '{"of":"x","entries":{}}',
      good.replace(/"of":"[^"]*"/, '"of":"1 other other"'),
      good.replaceAll('"draft"', "7")
    ]) {
      writeFileSync(index(repo), text)
      expect(listed(repo)).toEqual(first)
    }
    writeFileSync(index(repo), good.replaceAll('"draft"', '"released"').replace(/"of":"1 /, '"of":"0 '))
    expect(listed(repo)).toEqual(first)
  })
  it("keeps no row of a feature that changed a moment ago", () => {
    const repo = many()
    expect(Listing.rows(repo.root, standardPolicy, Date.now())).toHaveLength(count)
    const kept = Disk.readCache(repo.root, "features.json")
    expect(kept === null || Object.keys((JSON.parse(kept) as { entries: object }).entries).length < count).toBe(true)
    // Set back by hand: the change of the stamp itself is still seen.
    utimesSync(join(repo.root, ".sdlc/features/feature-1/events"), new Date(0), new Date(0))
    expect(Disk.featureStamp(repo.root, "feature-1", Date.now())).toBeNull()
  })
})

describe("the names of a feature's events", () => {
  const [early, middle, late] = [
    "01ARYZ6S41TSV4RRFFQ69G5FAV",
    "01BX5ZZKBKACTAV9WEVGEMMVRZ",
    "01CX5ZZKBKACTAV9WEVGEMMVRZ"
  ]
  const cases: ReadonlyArray<readonly [boolean, ReadonlyArray<string>]> = [
    [false, []],
    [false, [`${early}-feature-created.json`]],
    [true, [`${early}-feature-created.json`, `${middle}-claim-taken.json`]],
    [false, [`${early}-claim-taken.json`, `${middle}-claim-released.json`]],
    [false, [`${early}-claim-taken.json`, `${middle}-cleanup-recorded.json`]],
    [true, [`${early}-claim-taken.json`, `${middle}-claim-released.json`, `${late}-claim-taken.json`]],
    [false, [`${early}-claim-taken.json`, `${middle}-archived.json`]]
  ]
  it.each(cases)("may hold a slot: %s for %j", (holds, names) => expect(mayHoldSlot(names)).toBe(holds))
})
