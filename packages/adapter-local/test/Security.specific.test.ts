/** git-hostile, path-archive and proc: what an agent plants runs, is read and is written nowhere on the host. */
import { assert, layer } from "@effect/vitest"
import { Examined } from "@rdev/core/domain/Examined"
import * as NewId from "@rdev/core/ids/NewId"
import { ProjectName } from "@rdev/core/domain/Project"
import { type BranchName as Branch, BranchName } from "@rdev/core/ports/infra/Forge"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { type Workspace, WorkspaceHost } from "@rdev/core/ports/infra/WorkspaceHost"
import { Context, Effect, Layer, Option, Stream } from "effect"
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as LocalForge from "../src/forge/LocalForge.ts"
import * as LocalWorkspaceHost from "../src/workspaces/LocalWorkspaceHost.ts"
import * as Sandbox from "../src/sandbox/Sandbox.ts"
import { make as temporaryFolder } from "./TemporaryFolder.ts"

class Place extends Context.Service<
  Place,
  { readonly dataDir: string; readonly isolated: boolean; readonly networks: ReadonlyArray<string> }
>()("test/Place") {}

const platform = (options: Partial<Sandbox.Options>) =>
  Layer.unwrap(
    Effect.map(temporaryFolder, (dataDir) => {
      const place = Layer.effect(
        Place,
        Effect.map(Sandbox.Sandbox, (sandbox) => ({
          dataDir,
          isolated: sandbox.isolation !== "none (unsafe)",
          networks: sandbox.networks
        }))
      )
      return Layer.merge(place, LocalWorkspaceHost.layerNoDeps({ dataDir })).pipe(
        Layer.provide(Sandbox.layer({ dataDir, ...options })),
        Layer.merge(LocalForge.layer({ dataDir, baseUrl: "http://127.0.0.1:1/git" }))
      )
    })
  )

const workspaceOf = (name = "main", network: "none" | "loopback" | "internet" = "none") =>
  Effect.gen(function* () {
    const host = yield* WorkspaceHost
    return { host, workspace: yield* host.ensure({ projectId: yield* NewId.make("proj"), name, network }) }
  })
const sh = (workspace: Workspace, script: string, env: Readonly<Record<string, string>> = {}) =>
  Effect.scoped(
    Effect.gen(function* () {
      const host = yield* WorkspaceHost
      const process = yield* host.start(workspace, { argv: ["sh", "-c", script], env, timeoutMillis: 60_000 })
      const chunks = yield* Stream.runCollect(process.output)
      return { exit: yield* process.exit, text: Buffer.concat(chunks.map((c) => c.data)).toString("utf8") }
    })
  )

const main = BranchName.make("main")
const identity = { GIT_AUTHOR_NAME: "A", GIT_AUTHOR_EMAIL: "a@b", GIT_COMMITTER_NAME: "A", GIT_COMMITTER_EMAIL: "a@b" }
const repository = Effect.gen(function* () {
  const repositories = yield* RepositoryHost
  const git = yield* GitObjects
  const target = {
    projectId: yield* NewId.make("proj"),
    name: ProjectName.make(`sec-${Math.random().toString(36).slice(2, 10)}`)
  }
  yield* repositories.ensure(target, {
    defaultBranch: main,
    files: [{ path: "a.txt", content: "a\n" }],
    message: "Start"
  })
  return { repositories, git, target, head: Option.getOrThrow(yield* git.head(target, main)) }
})

const attacks = (options: Partial<Sandbox.Options>, title: string) =>
  layer(Layer.orDie(platform(options)), { excludeTestServices: true })(title, (it) => {
    it.effect("git-hostile: nothing that a repository configures runs on the host", () =>
      Effect.gen(function* () {
        const { dataDir } = yield* Place
        const { git, target, head } = yield* repository
        const { host, workspace } = yield* workspaceOf()
        const canary = join(dataDir, "canary")
        const plant = `
          cat > .git/evil <<'X'
#!/bin/sh
touch "$CANARY"
cat
X
          chmod +x .git/evil
          for key in core.fsmonitor core.sshCommand core.pager core.editor diff.external gpg.program filter.evil.clean filter.evil.smudge diff.evil.textconv merge.evil.driver uploadpack.packObjectsHook core.hooksPath credential.helper; do
            git config "$key" "$PWD/.git/evil"
          done
          git config alias.status '!touch "$CANARY"'
          mkdir -p hooks && cp .git/evil hooks/post-receive && cp .git/evil hooks/update && cp .git/evil hooks/pre-receive
          printf '* filter=evil diff=evil merge=evil ident export-subst\\n' > .gitattributes
          printf '[submodule "x"]\\n\\tpath = x\\n\\turl = ext::sh -c touch%% "%s"\\n' "$CANARY" > .gitmodules
          git -c core.fsmonitor=false -c core.hooksPath=/dev/null -c filter.evil.clean=cat add -A
          git -c core.fsmonitor=false -c core.hooksPath=/dev/null -c filter.evil.clean=cat commit -q -m evil
          git -c uploadpack.packObjectsHook= bundle create -q .git/out.bundle "$BASE..HEAD"`
        yield* host.writeFile(workspace, ".git/in.bundle", yield* git.exportBundle(target, main, null))
        yield* sh(
          workspace,
          "git init -q -b main . && git fetch -q .git/in.bundle main && git checkout -q -f -B main FETCH_HEAD",
          identity
        )
        const planted = yield* sh(workspace, plant, { ...identity, CANARY: canary, BASE: head })
        assert.strictEqual(planted.exit.code, 0, planted.text)
        const hostile = {
          GIT_EXTERNAL_DIFF: "touch",
          GIT_SSH_COMMAND: "touch",
          GIT_DIR: "/nonexistent",
          GIT_CONFIG_PARAMETERS: "'core.fsmonitor=touch'",
          GIT_EXEC_PATH_NOT: "x"
        }
        Object.assign(process.env, hostile)
        try {
          const sha = yield* git.importBundle(target, yield* host.readFile(workspace, ".git/out.bundle"))
          yield* git.ensureBranch(target, BranchName.make("evil"), sha)
          const ours = yield* git.commit(target, {
            branch: main,
            expectedHead: head,
            changes: [{ path: "b.txt", content: "b" }],
            message: "b",
            author: { name: "a", email: "b" }
          })
          assert.deepStrictEqual((yield* git.compare(target, main, BranchName.make("evil"))).conflicts, [])
          const merged = yield* git.updateBranch(target, BranchName.make("evil"), main)
          yield* git.advanceBranch(
            target,
            main,
            yield* Examined.examine({ head: ours, to: merged }, () => Effect.succeed([]))
          )
          assert.isTrue((yield* git.readFiles(target, merged, "")).has("hooks/update"))
          assert.isAbove((yield* git.exportBundle(target, main, head)).byteLength, 0)
        } finally {
          for (const name of Object.keys(hostile)) delete process.env[name]
        }
        assert.isFalse(existsSync(canary))
      })
    )

    it.effect("git-hostile: names and ids that git would take for options are refused", () =>
      Effect.gen(function* () {
        const { repositories, git, target, head } = yield* repository
        const reason = <A>(effect: Effect.Effect<A, { readonly reason: { readonly _tag: string } }>) =>
          Effect.map(Effect.flip(effect), (error) => error.reason._tag)
        for (const bad of ["--upload-pack=touch", "-x", "../../config", "a..b", "a\0b"]) {
          const branch = bad as Branch
          assert.strictEqual(yield* reason(git.head(target, branch)), "Invalid", bad)
          assert.strictEqual(yield* reason(git.ensureBranch(target, branch, head)), "Invalid", bad)
          assert.strictEqual(yield* reason(git.deleteBranch(target, branch)), "Invalid", bad)
          assert.strictEqual(yield* reason(git.exportBundle(target, branch, null)), "Invalid", bad)
          assert.strictEqual(
            yield* reason(
              git.commit(target, {
                branch,
                expectedHead: null,
                changes: [],
                message: "m",
                author: { name: "a", email: "b" }
              })
            ),
            "Invalid",
            bad
          )
        }
        for (const sha of ["--output=/tmp/x", "main", "HEAD", `${head}^`, ""]) {
          assert.strictEqual(yield* reason(git.listTree(target, sha)), "Invalid", sha)
          assert.strictEqual(yield* reason(git.readFiles(target, sha, "")), "Invalid", sha)
          assert.strictEqual(yield* reason(git.ensureBranch(target, BranchName.make("x"), sha)), "Invalid", sha)
        }
        assert.strictEqual(
          yield* reason(repositories.observe({ ...target, name: "../../etc" as ProjectName })),
          "Invalid"
        )
      })
    )

    it.effect("git-hostile: a bundle with a .git entry or an option for a submodule URL is refused", () =>
      Effect.gen(function* () {
        const { git, target } = yield* repository
        const { host, workspace } = yield* workspaceOf()
        const made = yield* sh(
          workspace,
          `
          git init -q -b main . && git config core.protectNTFS false
          blob=$(echo evil | git hash-object -w --stdin)
          tree=$(printf '100644 blob %s\\tconfig\\n' "$blob" | git mktree)
          top=$(printf '040000 tree %s\\t.git\\n' "$tree" | git mktree)
          git update-ref refs/heads/dotgit "$(git commit-tree -m x "$top")"
          modules=$(printf '[submodule "x"]\\n\\tpath = x\\n\\turl = -u./payload\\n' | git hash-object -w --stdin)
          top=$(printf '100644 blob %s\\t.gitmodules\\n' "$modules" | git mktree)
          git update-ref refs/heads/modules "$(git commit-tree -m x "$top")"
          git bundle create -q a.bundle dotgit && git bundle create -q b.bundle modules`,
          identity
        )
        assert.strictEqual(made.exit.code, 0, made.text)
        for (const file of ["a.bundle", "b.bundle"]) {
          const error = yield* Effect.flip(git.importBundle(target, yield* host.readFile(workspace, file)))
          assert.strictEqual(error.reason._tag, "Invalid", file)
        }
      })
    )

    it.effect(
      "path-archive: a folder that turns into a link while the host writes leads nowhere",
      () =>
        Effect.scoped(
          Effect.gen(function* () {
            const { dataDir } = yield* Place
            const { host, workspace } = yield* workspaceOf()
            const outside = join(dataDir, "outside")
            yield* Effect.promise(() => mkdir(outside, { recursive: true }))
            yield* Effect.promise(() => writeFile(join(outside, "secret"), "must not be read"))
            const swap = yield* host.start(workspace, {
              argv: [
                "sh",
                "-c",
                'while :; do rm -rf d; ln -sfn "$OUT" d; rm -f d; mkdir -p d; rm -f f; ln -s "$OUT/secret" f; rm -f f; echo mine > f; done'
              ],
              env: { OUT: outside }
            })
            let done = 0
            for (let i = 0; i < 300; i++) {
              const wrote = yield* Effect.exit(host.writeFile(workspace, "d/planted", "x"))
              const read = yield* Effect.exit(host.readFile(workspace, "f"))
              const through = yield* Effect.exit(host.readFile(workspace, "d/secret"))
              for (const exit of [read, through])
                if (exit._tag === "Success") assert.notInclude(Buffer.from(exit.value).toString(), "must not be read")
              if (wrote._tag === "Success") done += 1
            }
            yield* swap.kill
            assert.isAbove(done, 0, "some writes hit the folder")
            assert.deepStrictEqual(yield* Effect.promise(() => readdir(outside)), ["secret"])
          })
        ),
      60_000
    )

    it.effect("path-archive: huge, sparse and special files are refused", () =>
      Effect.gen(function* () {
        const { host, workspace } = yield* workspaceOf()
        yield* sh(
          workspace,
          "truncate -s 1G sparse; mkfifo pipe; ln -s /dev/zero zero; ln /etc/passwd hard 2>/dev/null; mknod dev c 1 5 2>/dev/null; true"
        )
        for (const path of ["sparse", "pipe", "zero"])
          assert.strictEqual((yield* Effect.flip(host.readFile(workspace, path))).reason._tag, "Invalid", path)
        for (const path of ["hard", "dev"])
          assert.strictEqual((yield* Effect.flip(host.readFile(workspace, path))).reason._tag, "NotFound", path)
      })
    )

    it.effect(
      "proc: nobody outlives a killed server",
      () =>
        Effect.gen(function* () {
          const { isolated } = yield* Place
          if (!isolated) return assert.isFalse(isolated, "without a sandbox nothing ties processes to the server")
          const dataDir = yield* temporaryFolder
          const projectId = yield* NewId.make("proj")
          const child = spawn(
            process.execPath,
            [
              "--conditions=@rdev/source",
              fileURLToPath(new URL("./CrashingHost.ts", import.meta.url)),
              dataDir,
              projectId
            ],
            { stdio: ["ignore", "pipe", "inherit"] }
          )
          yield* Effect.callback<void>((resume) => {
            child.stdout.once("data", () => resume(Effect.void))
          })
          const beat = join(dataDir, "workspaces", projectId, "main", "files", "beat")
          const size = () =>
            Effect.promise(() =>
              stat(beat).then(
                (s) => s.size,
                () => 0
              )
            )
          while ((yield* size()) === 0) yield* Effect.sleep(20)
          child.kill("SIGKILL")
          let [before, quiet] = [-1, 0]
          const deadline = Date.now() + 10_000
          while (quiet < 5 && Date.now() < deadline) {
            const now = yield* size()
            quiet = now === before ? quiet + 1 : 0
            before = now
            yield* Effect.sleep(100)
          }
          assert.strictEqual(quiet, 5, "the file has stopped growing")
        }).pipe(Effect.scoped),
      30_000
    )

    it.effect("proc: a command sees neither the host nor other projects, and has no privileges", () =>
      Effect.gen(function* () {
        const { dataDir, isolated } = yield* Place
        if (!isolated) return assert.isFalse(isolated)
        yield* Effect.promise(() => writeFile(join(dataDir, "host-secret"), "host-secret"))
        const other = yield* workspaceOf("other")
        yield* other.host.writeFile(other.workspace, "theirs", "their-secret")
        const { workspace } = yield* workspaceOf()
        const { text } = yield* sh(
          workspace,
          `
          cat "$DATA/host-secret" "$DATA"/workspaces/*/*/files/* 2>&1
          ls -A /root /srv /var/lib /opt 2>&1
          id -u
          grep -E 'CapEff|CapPrm|NoNewPrivs' /proc/self/status
          for f in /proc/sys/kernel/core_pattern /proc/sys/vm/drop_caches /proc/sysrq-trigger /etc/new /usr/new /new; do (echo x > "$f") 2>/dev/null && echo "WROTE $f"; done
          cat /etc/shadow /proc/kcore 2>/dev/null | head -c 10
          ls /proc | grep -c '^[0-9]'
          kill -9 1 2>/dev/null; kill -0 1 2>/dev/null; echo alive`,
          { DATA: dataDir }
        )
        assert.notInclude(text, "host-secret\n")
        assert.notInclude(text, "their-secret")
        assert.notInclude(text, "WROTE")
        assert.match(text, /CapPrm:\s+0+\n/)
        assert.match(text, /CapEff:\s+0+\n/)
        assert.match(text, /NoNewPrivs:\s+1/)
        assert.match(text, /^[1-9]\d*$/m, "not root")
        assert.include(text, "alive")
        assert.notInclude(text, "root:")
      })
    )

    it.effect("proc: the network is as asked for", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { isolated, networks } = yield* Place
          if (!isolated) return assert.isFalse(isolated)
          const server = createServer((_request, response) => response.end("host answers"))
          yield* Effect.acquireRelease(
            Effect.callback<void>((resume) => {
              server.listen(0, "127.0.0.1", () => resume(Effect.void))
            }),
            () => Effect.sync(() => server.close())
          )
          const fetchIt = `fetch("http://127.0.0.1:${(server.address() as AddressInfo).port}").then((r) => r.text()).then(console.log, () => console.log("no way out"))`
          const own =
            "const s = require('http').createServer((q, r) => r.end('own answers')).listen(0, '127.0.0.1', () => fetch('http://127.0.0.1:' + s.address().port).then((r) => r.text()).then(console.log, () => console.log('no loopback')).then(() => process.exit()))"
          const say = (network: "none" | "loopback" | "internet", script: string) =>
            Effect.flatMap(workspaceOf(`net-${network}`, network), ({ workspace }) =>
              Effect.map(sh(workspace, 'node -e "$SCRIPT"', { SCRIPT: script }), ({ text }) => text.trim())
            )
          assert.strictEqual(yield* say("none", fetchIt), "no way out")
          assert.strictEqual(yield* say("internet", fetchIt), "host answers")
          if (!networks.includes("loopback")) return
          assert.strictEqual(yield* say("loopback", fetchIt), "no way out")
          assert.strictEqual(yield* say("loopback", own), "own answers")
        })
      )
    )

    it.effect(
      "proc: limits hold",
      () =>
        Effect.gen(function* () {
          const { isolated } = yield* Place
          const host = yield* WorkspaceHost
          const projectId = yield* NewId.make("proj")
          const workspace = yield* host.ensure({
            projectId,
            name: "small",
            network: "none",
            limits: { diskBytes: 1_000_000, processes: 40 }
          })
          const { exit, text } = yield* sh(workspace, "head -c 5000000 /dev/zero > big")
          assert.isTrue(exit.code !== 0 || exit.signal !== null, text)
          assert.isAtMost((yield* host.readFile(workspace, "big")).byteLength, 1_000_000)
          yield* sh(workspace, "head -c 900000 /dev/zero > more")
          const full = yield* Effect.flip(Effect.scoped(host.start(workspace, { argv: ["true"] })))
          assert.strictEqual(full.reason._tag, "ResourceExhausted")
          const forks = yield* host.ensure({ projectId, name: "forks", network: "none", limits: { processes: 40 } })
          const many = yield* sh(forks, "i=0; while [ $i -lt 100 ]; do sleep 1 & i=$((i+1)); done; wait; echo survived")
          if (isolated && options.isolations?.[0] !== "bubblewrap") assert.notInclude(many.text, "survived")
        }),
      30_000
    )

    it.effect(
      "output waits for its reader in bounded memory",
      () =>
        Effect.scoped(
          Effect.gen(function* () {
            const { host, workspace } = yield* workspaceOf()
            const total = 300_000_000
            const before = process.memoryUsage().rss
            const running = yield* host.start(workspace, {
              argv: ["sh", "-c", `head -c ${total} /dev/zero; echo done > finished`]
            })
            let [seen, peak] = [0, 0]
            yield* Stream.runForEach(running.output, (chunk) =>
              Effect.suspend(() => {
                const first = seen === 0
                seen += chunk.data.byteLength
                peak = Math.max(peak, process.memoryUsage().rss - before)
                // While the reader does something else the command stands still.
                if (!first) return Effect.void
                const elsewhere = Effect.forEach(Array.from({ length: 5 }), () => sh(workspace, "true"), {
                  discard: true
                })
                return Effect.andThen(elsewhere, Effect.asVoid(Effect.flip(host.readFile(workspace, "finished"))))
              })
            )
            assert.strictEqual(seen, total)
            assert.isBelow(peak, 128_000_000)
            assert.strictEqual((yield* running.exit).code, 0)
          })
        ),
      60_000
    )
  })

attacks({ unsafeHost: true }, "Security: the sandbox that this machine chooses")
if (process.platform === "linux") {
  const bubblewrapProgram = process.env["RDEV_TEST_BUBBLEWRAP"] ?? "/usr/bin/bwrap"
  if (existsSync(bubblewrapProgram)) attacks({ isolations: ["bubblewrap"], bubblewrapProgram }, "Security: bubblewrap")
}

layer(Layer.empty, { excludeTestServices: true })("Sandbox", (it) => {
  it.effect("says what it tried and what to do when nothing works", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const dataDir = yield* temporaryFolder
        const failure = yield* Effect.flip(
          Sandbox.make({ dataDir, isolations: ["bubblewrap"], bubblewrapProgram: "no-such-bubblewrap" })
        )
        assert.strictEqual(failure.reason._tag, "Unsupported")
        assert.include(failure.reason.message, "bwrap is not installed")
        assert.include(failure.reason.message, "--unsafe-host")
        const unsafe = yield* Sandbox.make({ dataDir, isolations: [], unsafeHost: true })
        assert.strictEqual(unsafe.isolation, "none (unsafe)")
        assert.isTrue((yield* Effect.promise(() => readFile("/dev/null", "utf8"))) === "")
      })
    )
  )

  it.effect("takes over workspaces that were made under another isolation", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const dataDir = yield* temporaryFolder
        const projectId = yield* NewId.make("proj")
        const use = (options: Partial<Sandbox.Options>, script: string) =>
          Effect.gen(function* () {
            const host = yield* WorkspaceHost
            const workspace = yield* host.ensure({ projectId, name: "main", network: "none" })
            return { isolation: workspace.isolation, text: (yield* sh(workspace, script)).text }
          }).pipe(Effect.provide(LocalWorkspaceHost.layer({ dataDir, unsafeHost: true, ...options })))
        const first = yield* use({}, "mkdir -p d && echo one > d/f && cat d/f")
        assert.strictEqual(first.text, "one\n")
        const second = yield* use({ isolations: [] }, "echo two >> d/f && cat d/f")
        assert.deepStrictEqual(second, { isolation: "none (unsafe)", text: "one\ntwo\n" })
        const third = yield* use({}, "echo three >> d/f && cat d/f")
        assert.deepStrictEqual(third, { isolation: first.isolation, text: "one\ntwo\nthree\n" })
      })
    )
  )

  it.effect("gives commands the tools it is told to", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const dataDir = yield* temporaryFolder
        const tool = join(dataDir, "greet.mjs")
        yield* Effect.promise(() =>
          writeFile(tool, "#!/usr/bin/env node\nconsole.log('hello from the tool')\n", { mode: 0o755 })
        )
        const text = yield* Effect.gen(function* () {
          const { workspace } = yield* workspaceOf()
          return (yield* sh(workspace, "greet && git --version && node -e 'console.log(process.version)'")).text
        }).pipe(
          Effect.provide(
            LocalWorkspaceHost.layer({ dataDir, unsafeHost: true, tools: [{ hostPath: tool, name: "greet" }] })
          )
        )
        assert.include(text, "hello from the tool")
        assert.include(text, "git version")
        assert.include(text, process.version)
      })
    )
  )
})
