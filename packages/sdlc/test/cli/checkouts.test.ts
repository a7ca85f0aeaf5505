/** Repositories as they are found elsewhere: other names of the main branch, shallow clones, checkouts of CI. */
import { mkdtempSync, realpathSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { at, claude, project, type Repository, repository, spec, tasks } from "./Cli.ts"

let open: Array<Repository> = []
const keep = (repo: Repository): Repository => {
  open.push(repo)
  return repo
}
afterEach(() => {
  for (const repo of open) repo.remove()
  open = []
})
const empty = (): Repository => {
  const repo = keep(at(realpathSync(mkdtempSync(join(tmpdir(), "sdlc-checkout-")))))
  repo.git("init", "-q", ".")
  return repo
}

/** A feature at the end of its planning, in a repository whose main branch has this name. */
const ready = async (main: string): Promise<Repository> => {
  const repo = keep(repository())
  repo.git("checkout", "-q", "-b", main)
  repo.write("README.md", "# Demo\n")
  repo.commit("start")
  await repo.sdlc("init")
  repo.write(".sdlc/policy.yaml", "v: 1\ndeploy: none\n")
  await repo.sdlc("new hello --preset lean", claude)
  repo.write(".sdlc/features/hello/spec.md", spec)
  await repo.sdlc("submit spec", claude)
  repo.write(".sdlc/features/hello/tasks.md", tasks)
  await repo.sdlc("submit tasks", claude)
  repo.commit("plan")
  return repo
}

describe("the branch that features are merged into", () => {
  for (const main of ["trunk", "develop", "release/next", "öffentlich"])
    it(`is ${main} where that is the only branch`, async () => {
      const repo = await ready(main)
      expect((await repo.sdlc("apply --all")).out).toContain("provision-workspace")
      expect(repo.git("branch", "--show-current").trim()).toBe("sdlc/hello")
      repo.commit("records")
      expect((await repo.sdlc("gate merge --json")).json).toMatchObject({ passage: "fail", base: main })
    })
  it("is asked for where it could be one of several, and nothing passes until it is known", async () => {
    const repo = await ready("develop")
    repo.git("branch", "other")
    expect(await repo.sdlc("apply --all")).toMatchObject({ code: 2 })
    expect((await repo.sdlc("apply --all --base develop")).out).toContain("provision-workspace")
    repo.commit("records")
    expect(await repo.sdlc("gate merge")).toMatchObject({
      code: 2,
      err: expect.stringContaining("name it with --base")
    })
    expect((await repo.sdlc("gate merge --base develop --json")).json).toMatchObject({ passage: "fail" })
  })
})

describe("a checkout of CI", () => {
  it("without the history never passes for want of it", async () => {
    const origin = keep(await project())
    origin.commit("feature")
    origin.git("checkout", "-q", "-b", "sdlc/hello")
    await origin.sdlc(`record cost-recorded hello --branch sdlc/hello --data '{"cost":{"usd":1},"reason":"x"}'`, claude)
    origin.commit("records")
    const ci = empty()
    ci.git("remote", "add", "origin", `file://${origin.root}`)
    ci.git("fetch", "-q", "--depth=1", "origin", "+refs/heads/sdlc/hello:refs/remotes/pull/1/merge")
    ci.git("checkout", "-q", "--detach", "refs/remotes/pull/1/merge")
    expect(await ci.sdlc("gate merge")).toMatchObject({ code: 2, err: expect.stringContaining("is not known here") })
    ci.git("fetch", "-q", "--depth=1", "origin", "main:refs/remotes/origin/main")
    for (const line of ["gate merge", "gate merge --base origin/main", "gate merge hello --base origin/main"])
      expect(await ci.sdlc(line)).toMatchObject({ code: 2, err: expect.stringMatching(/shallow[^]*fetch-depth: 0/) })
    ci.git("fetch", "-q", "--unshallow", "origin")
    expect((await ci.sdlc("gate merge --json")).json).toMatchObject({ passage: "fail" })
    rmSync(join(ci.root, ".git"), { recursive: true })
    expect((await ci.sdlc("gate merge")).code).toBe(2)
    expect((await ci.sdlc("gate draft hello")).code).toBe(1)
  })
  it("without files says so, and what to do", async () => {
    const bare = keep(at(realpathSync(mkdtempSync(join(tmpdir(), "sdlc-bare-")))))
    bare.git("init", "-q", "--bare", ".")
    for (const line of ["next", "init", "gate merge"])
      expect(await bare.sdlc(line)).toMatchObject({
        code: 2,
        err: expect.stringMatching(/bare repository[^]*worktree/)
      })
  })
})
