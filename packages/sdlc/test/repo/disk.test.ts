/** Files that are there and cannot be read are named: left out, a rejection behind a broken link would be overlooked. */
import { execFileSync } from "node:child_process"
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { claude, project, type Repository, spec } from "../cli/Cli.ts"

let repo: Repository
const folder = ".sdlc/features/hello"
const verdict = `${folder}/events/7ZZZZZZZZZZZZZZZZZZZZZZZZZ-verdict.json`
const full = (path: string): string => join(repo.root, path)

beforeAll(async () => {
  repo = await project()
  repo.write(`${folder}/spec.md`, spec)
  await repo.sdlc("submit spec", claude)
})
afterAll(() => repo.remove())

describe("an event that cannot be read makes the feature corrupt", () => {
  const cases: ReadonlyArray<readonly [string, () => void, RegExp]> = [
    ["a link that leads nowhere", () => symlinkSync("nowhere.json", full(verdict)), /a link that leads nowhere/],
    [
      "a link to itself",
      () => symlinkSync("7ZZZZZZZZZZZZZZZZZZZZZZZZZ-verdict.json", full(verdict)),
      /a link that leads nowhere/
    ],
    ["a link out of the repository", () => symlinkSync("/etc/hostname", full(verdict)), /a link out of the repository/],
    ["a link to a folder", () => symlinkSync(".", full(verdict)), /it is a folder/],
    ["an empty folder", () => mkdirSync(full(verdict)), /it is a folder/],
    ["a pipe", () => void execFileSync("mkfifo", [full(verdict)]), /not a regular file/],
    [
      "a file of 17 MB",
      () => writeFileSync(full(verdict), Buffer.alloc(17 * 1024 * 1024, " ")),
      /larger than 16777216 bytes/
    ]
  ]
  it.each(cases)("%s", async (_, make, problem) => {
    make()
    const said = await repo.sdlc("next hello --json")
    expect(said).toMatchObject({
      code: 3,
      json: { rule: "L1", phase: "draft", errors: [{ file: verdict, problem: expect.stringMatching(problem) }] }
    })
    rmSync(full(verdict), { recursive: true })
    expect((await repo.sdlc("next hello")).code).toBe(20)
  })
})

describe("a document that cannot be read is invalid, not absent", () => {
  const cases: ReadonlyArray<readonly [string, () => void]> = [
    ["a folder", () => mkdirSync(full(`${folder}/spec.md`))],
    ["a link out of the repository", () => symlinkSync("/etc/hostname", full(`${folder}/spec.md`))]
  ]
  it.each(cases)("%s", async (_, make) => {
    rmSync(full(`${folder}/spec.md`))
    make()
    expect(await repo.sdlc("next hello --json")).toMatchObject({ code: 0, json: { action: "fix-spec" } })
    expect(await repo.sdlc("lint hello")).toMatchObject({
      code: 1,
      out: expect.stringMatching(/spec\.md:1: error unreadable: The file cannot be read: it is a (folder|link)/)
    })
    expect((await repo.sdlc("submit spec hello", claude)).code).not.toBe(0)
    rmSync(full(`${folder}/spec.md`), { recursive: true })
    repo.write(`${folder}/spec.md`, spec)
  })
})

it("names a policy that is a folder", async () => {
  const policy = repo.read(".sdlc/policy.yaml")
  rmSync(full(".sdlc/policy.yaml"))
  mkdirSync(full(".sdlc/policy.yaml"))
  expect(await repo.sdlc("next hello")).toMatchObject({
    code: 3,
    out: expect.stringMatching(/policy\.yaml: it is a folder/)
  })
  rmSync(full(".sdlc/policy.yaml"), { recursive: true })
  repo.write(".sdlc/policy.yaml", policy)
})

it("says which feature lost its creation, and every file with a space after the comma", async () => {
  const created = [...repo.files().keys()].find((path) => path.endsWith("feature-created.json")) ?? ""
  const text = repo.read(created)
  rmSync(full(created))
  expect(await repo.sdlc("next hello --json")).toMatchObject({
    code: 3,
    json: { feature: "hello", action: "repair-state" }
  })
  repo.write(created, text)
  for (const name of ["a.txt", "b.txt"]) repo.write(`${folder}/events/${name}`, "x")
  expect((await repo.sdlc("next hello --json")).json["reason"]).toMatch(/, \.sdlc\//)
  for (const name of ["a.txt", "b.txt"]) rmSync(full(`${folder}/events/${name}`))
})

it("does not take one heap of garbage for another", async () => {
  const { load } = await import("../../src/repo/Documents.ts")
  const hashes = [
    [0xff, 0xfe, 1],
    [0xff, 0xfe, 2]
  ].map((bytes) => load(new Map([[`${folder}/spec.md`, Uint8Array.from(bytes)]]), "hello", undefined).spec?.hash)
  expect(hashes[0]).not.toBe(hashes[1])
})
