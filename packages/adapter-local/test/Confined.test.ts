/** Trees in which somebody hostile works: what the host copies, counts, re-owns and removes there never leads out. */
import { assert, it, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import fc from "fast-check"
import { execFileSync } from "node:child_process"
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  rename,
  stat,
  symlink,
  writeFile
} from "node:fs/promises"
import { createServer } from "node:net"
import { join } from "node:path"
import * as ConfinedCopy from "../src/confined/ConfinedCopy.ts"
import * as ConfinedFiles from "../src/confined/ConfinedFiles.ts"
import * as ConfinedFolder from "../src/confined/ConfinedFolder.ts"
import * as ConfinedSocket from "../src/confined/ConfinedSocket.ts"
import * as ConfinedTree from "../src/confined/ConfinedTree.ts"
import { LocalFailure } from "../src/LocalFailure.ts"
import { make as temporaryFolder } from "./TemporaryFolder.ts"

class Place extends Context.Service<Place, string>()("test/Place") {}
const place = Layer.effect(Place, temporaryFolder)

/** `files` with a `dist`, and outside of it what must not be read or changed. */
const scene = Effect.flatMap(Place, (root) =>
  Effect.promise(async () => {
    const base = await mkdtemp(join(root, "scene-"))
    const [files, outside, into] = [join(base, "files"), join(base, "outside"), join(base, "release")]
    for (const folder of [join(files, "dist"), join(outside, "inner"), into]) await mkdir(folder, { recursive: true })
    await writeFile(join(files, "dist", "index.html"), "home")
    await writeFile(join(outside, "secret"), "must not be read")
    await writeFile(join(outside, "inner", "deep"), "must not be read")
    const sh = (script: string) =>
      execFileSync("sh", ["-c", script], {
        cwd: files,
        env: { PATH: process.env["PATH"] ?? "", OUT: outside },
        stdio: ["ignore", "ignore", "pipe"]
      })
    const publish = (publish = "dist", limits?: ConfinedCopy.Limits) =>
      ConfinedCopy.publish({
        files,
        inside: "/workspace",
        publish,
        into,
        name: "site",
        ...(limits === undefined ? {} : { limits })
      })
    return { base, files, outside, into, sh, publish, site: join(into, "site") }
  })
)

const refusal = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "it was published",
    (cause: unknown) => (cause instanceof LocalFailure ? cause.message : `not a refusal: ${String(cause)}`)
  )

/** Every path below, with a mark of its kind and the content of files. */
const tree = async (folder: string): Promise<ReadonlyArray<string>> => {
  const found: Array<string> = []
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name)
    found.push(
      `${path.slice(folder.length + 1)}${entry.isDirectory() ? "/" : entry.isFile() ? `=${await readFile(path, "utf8")}` : " STRANGE"}`
    )
  }
  return found.sort()
}

/** Script that spoils a good build, and what the refusal says. All leave the release's folder as it was. */
const spoiled: ReadonlyArray<readonly [string, RegExp]> = [
  ['rm -rf dist && ln -s "$OUT" dist', /dist is a symbolic link that leads out of the build's files/],
  ["rm -rf dist && ln -s ../outside dist", /dist is a symbolic link that leads out/],
  ["rm -rf dist && ln -s / dist", /dist is a symbolic link that leads out/],
  ["rm -rf dist && ln -s /proc/self/root dist", /dist is a symbolic link that leads out/],
  ['rm -rf dist && ln -s a dist && ln -s b a && ln -s "$OUT" b', /dist is a symbolic link that leads out/],
  ["rm -rf dist && ln -s dist dist", /more than 16 symbolic links/],
  ["rm -rf dist && ln -s nowhere dist", /the build made no folder dist/],
  ["rm -rf dist", /the build made no folder dist/],
  ["rm -rf dist && echo x > dist", /dist is not a folder/],
  ["rm -rf dist && mkfifo dist", /dist is not a folder/],
  ['ln -s "$OUT/secret" dist/a', /dist\/a is a symbolic link that leads out/],
  ["ln -s ../../outside/secret dist/a", /dist\/a is a symbolic link that leads out/],
  ['ln -s "$OUT" dist/a', /dist\/a is a symbolic link that leads out/],
  ['mkdir dist/x && ln -s "$OUT/inner" dist/x/y', /dist\/x\/y is a symbolic link that leads out/],
  ["ln -s /proc/self/environ dist/a", /dist\/a is a symbolic link that leads out/],
  ["ln -s /workspace/../etc/passwd dist/a", /dist\/a is a symbolic link that leads out/],
  ["ln -s x/../../../outside/secret dist/a", /dist\/a is a symbolic link that leads out/],
  [
    "echo s > private && ln -s ../private dist/a",
    /dist\/a is a symbolic link that leads out of the published folder dist/
  ],
  ['ln -s b dist/a && ln -s "$OUT/secret" dist/b', /dist\/[ab] is a symbolic link that leads out/],
  ["ln -s nowhere dist/a", /dist\/a is a symbolic link that leads to nothing/],
  ["ln -s a dist/a", /dist\/a goes through more than 16 symbolic links/],
  ["ln -s . dist/a", /dist\/a is a symbolic link to a folder that it lies in/],
  ["mkdir dist/x && ln -s .. dist/x/up", /dist\/x\/up is a symbolic link to a folder that it lies in/],
  [
    "mkdir dist/x dist/y && ln -s ../y dist/x/a && ln -s ../x dist/y/b",
    /is a symbolic link to a folder that it lies in/
  ],
  ["rm dist/index.html && mkfifo dist/index.html", /dist\/index\.html is a pipe, a socket or a device/],
  ["mkfifo dist/pipe && ln -s pipe dist/a", /is a pipe, a socket or a device/],
  ["truncate -s 3G dist/sparse", /dist\/sparse makes the publication larger than 2147483648 bytes/],
  ['ln "$OUT/secret" dist/hard', /dist\/hard is a hard link to a file outside/],
  ["d=dist; i=0; while [ $i -lt 70 ]; do d=$d/d; i=$((i+1)); done; mkdir -p $d", /is nested deeper than 64 folders/],
  ["printf x > \"$(printf 'dist/a\\377')\"", /has a name that is not UTF-8/],
  [
    'printf x > "$(printf \'dist/b\\nc\')" && rm dist/b* && ln -s "$OUT/secret" "$(printf \'dist/b\\nc\')"',
    /"dist\/b\\nc" is a symbolic link that leads out/
  ]
]

layer(place, { excludeTestServices: true })("Confined", (it) => {
  it.effect("publishes plain files and folders, and links inside as what they lead to", () =>
    Effect.gen(function* () {
      const { publish, sh, site } = yield* scene
      sh(
        "mkdir -p dist/docs dist/.well-known dist/.git && echo d > dist/docs/a && ln -s docs dist/manual && ln -s /workspace/dist/docs/a dist/absolute && ln -s ../index.html dist/docs/home && ln dist/docs/a dist/twice && echo s > dist/.env && echo w > dist/.well-known/w && echo g > dist/.git/g && printf n > \"$(printf 'dist/new\\nline')\""
      )
      const published = yield* Effect.promise(() => publish())
      assert.deepStrictEqual(
        yield* Effect.promise(() => tree(site)),
        [
          ".well-known/",
          ".well-known/w=w\n",
          "absolute=d\n",
          "docs/",
          "docs/a=d\n",
          "docs/home=home",
          "index.html=home",
          "manual/",
          "manual/a=d\n",
          "manual/home=home",
          "new\nline=n",
          "twice=d\n"
        ].sort()
      )
      assert.isAbove(published.bytes, 0)
      for (const path of [site, join(site, "docs")])
        assert.strictEqual((yield* Effect.promise(() => lstat(path))).uid, process.getuid?.())
    })
  )

  it.effect("makes a copy that takes no more room than what it is of, and has every byte", () =>
    Effect.gen(function* () {
      const { files, publish, sh, site } = yield* scene
      const mib = 1024 * 1024
      yield* Effect.promise(async () => {
        sh(
          "truncate -s 300M dist/hole; truncate -s 100K dist/small; truncate -s 8M dist/mixed; truncate -s 0 dist/empty"
        )
        const mixed = await open(join(files, "dist", "mixed"), "r+")
        for (const place of [0, 4095, 4096, 65_535, mib - 1, mib, 3 * mib + 5, 8 * mib - 2])
          await mixed.write(Buffer.from("x"), 0, 1, place)
        await mixed.close()
        await writeFile(join(files, "dist", "zeros"), Buffer.alloc(mib))
        await writeFile(join(files, "dist", "full"), Buffer.alloc(3 * mib + 7, "abc"))
        await publish()
        for (const name of ["hole", "small", "mixed", "empty", "zeros", "full"]) {
          const [before, after] = [await stat(join(files, "dist", name)), await stat(join(site, name))]
          assert.strictEqual(after.size, before.size, name)
          assert.isAtMost(after.blocks, before.blocks + 16, name)
          if (after.size < 16 * mib)
            assert.isTrue((await readFile(join(site, name))).equals(await readFile(join(files, "dist", name))), name)
        }
      })
    })
  )

  it.effect("publishes a folder that a link inside the build leads to, and the root", () =>
    Effect.gen(function* () {
      const one = yield* scene
      one.sh("mv dist build && ln -s build dist")
      yield* Effect.promise(() => one.publish())
      assert.deepStrictEqual(yield* Effect.promise(() => tree(one.site)), ["index.html=home"])
      const two = yield* scene
      yield* Effect.promise(() => two.publish("."))
      assert.deepStrictEqual(yield* Effect.promise(() => tree(two.site)), ["dist/", "dist/index.html=home"])
    })
  )

  it.effect(
    "refuses whatever leads out or is no file, naming it, and leaves nothing",
    () =>
      Effect.gen(function* () {
        const scenes = yield* Effect.forEach(spoiled, ([script, expected]) =>
          Effect.map(scene, (one) => ({ ...one, script, expected }))
        )
        // One shell for all: starting a process from this one is the slow part.
        scenes[0]?.sh(
          scenes
            .map(({ files, outside, script }) => `(cd '${files}' && OUT='${outside}' && ${script}) || exit 1`)
            .join("\n")
        )
        for (const { expected, into, publish, script } of scenes) {
          assert.match(yield* Effect.promise(() => refusal(publish())), expected, script)
          assert.deepStrictEqual(yield* Effect.promise(() => readdir(into)), [], script)
        }
      }),
    120_000
  )

  it.effect(
    "refuses sockets and more files than it takes",
    () =>
      Effect.gen(function* () {
        const one = yield* scene
        const server = createServer()
        yield* Effect.acquireRelease(
          Effect.callback<void>((resume) => {
            server.listen(join(one.files, "dist/s"), () => resume(Effect.void))
          }),
          () => Effect.sync(() => server.close())
        )
        assert.match(yield* Effect.promise(() => refusal(one.publish())), /dist\/s is a pipe, a socket or a device/)
        const two = yield* scene
        two.sh("i=0; while [ $i -lt 20 ]; do : > dist/f$i; i=$((i+1)); done")
        assert.match(
          yield* Effect.promise(() => refusal(two.publish("dist", { files: 20, bytes: 1000, depth: 8 }))),
          /dist has more than 20 files/
        )
        const together = yield* scene
        together.sh("truncate -s 600 dist/a && truncate -s 600 dist/b")
        assert.match(
          yield* Effect.promise(() => refusal(together.publish("dist", { files: 20, bytes: 1000, depth: 8 }))),
          /makes the publication larger than 1000 bytes/
        )
        // Links to links: few names on disk, very many in the copy.
        const three = yield* scene
        three.sh(
          "mkdir dist/0 && : > dist/0/f && i=0; while [ $i -lt 30 ]; do n=$((i+1)); mkdir dist/$n; ln -s ../$i dist/$n/a; ln -s ../$i dist/$n/b; i=$n; done"
        )
        assert.match(
          yield* Effect.promise(() => refusal(three.publish("dist", { files: 300, bytes: 1000, depth: 64 }))),
          /dist has more than 300 files/
        )
      }).pipe(Effect.scoped),
    60_000
  )

  it.effect(
    "is not led astray by who swaps folders for links while it copies, counts, re-owns and removes",
    () =>
      Effect.gen(function* () {
        const { base, files, outside, publish, site } = yield* scene
        const swapper = { going: true }
        const swap = async () => {
          const [real, aside] = [join(files, "dist/x"), join(files, "dist-x")]
          await mkdir(real)
          for (let i = 0; i < 50; i++) await writeFile(join(real, `f${i}`), "mine")
          while (swapper.going) {
            await rename(real, aside)
            await symlink(outside, real)
            await rename(real, `${real}-link`)
            await rename(aside, real)
            await ConfinedTree.remove(`${real}-link`)
          }
        }
        const swapping = swap()
        let published = 0
        yield* Effect.promise(async () => {
          for (let i = 0; i < 30; i++) {
            if ((await refusal(publish())) === "it was published") {
              published++
              for (const one of await tree(site)) assert.notInclude(one, "must not be read")
              await ConfinedTree.remove(site)
            }
            const bytes = await ConfinedTree.measure(files, 10_000)
            assert.isAtMost(bytes, 4 + 2 * 50 * 4)
            await ConfinedTree.chown(files, process.getuid?.() ?? 0, process.getgid?.() ?? 0)
          }
          const target = join(base, "gone")
          await rename(files, target)
          swapper.going = false
          await swapping.catch(() => undefined)
          await ConfinedTree.remove(target)
          assert.deepStrictEqual(await tree(outside), [
            "inner/",
            "inner/deep=must not be read",
            "secret=must not be read"
          ])
        })
        assert.isAtLeast(
          published,
          0,
          "how many got through depends on the moment; that none let a secret out does not"
        )
      }),
    60_000
  )

  it.effect(
    "removes trees of any depth and shape, and only them",
    () =>
      Effect.gen(function* () {
        const { base, files, outside, sh } = yield* scene
        sh("d=.; i=0; while [ $i -lt 300 ]; do mkdir d && cd d; i=$((i+1)); done; echo x > x")
        sh(
          'ln -s "$OUT" out; ln -s nowhere broken; mkfifo pipe; mkdir -p shut/inner/inner && echo x > shut/inner/f && chmod 000 shut/inner/inner shut/inner shut; printf x > "$(printf \'a\\377\')"; mkdir "$(printf \'d\\377\')"; printf x > "$(printf \'d\\377/x\')"'
        )
        yield* Effect.promise(async () => {
          await ConfinedTree.remove(files)
          assert.deepStrictEqual((await readdir(base)).sort(), ["outside", "release"])
          assert.strictEqual((await tree(outside)).length, 3)
          await ConfinedTree.remove(files)
          await ConfinedTree.remove(join(base, "absent", "below"))
          // A link in place of the tree is removed itself.
          await symlink(outside, files)
          await ConfinedTree.remove(files)
          assert.strictEqual((await tree(outside)).length, 3)
        })
      }),
    60_000
  )

  it.effect("counts bytes of plain files alone, also in folders that forbid it, and puts their mode back", () =>
    Effect.gen(function* () {
      const { files, sh } = yield* scene
      sh(
        'mkdir shut && head -c 1000 /dev/zero > shut/f && chmod 000 shut && ln -s "$OUT/secret" out && ln -s "$OUT" folder && mkfifo pipe'
      )
      yield* Effect.promise(async () => {
        assert.strictEqual(await ConfinedTree.measure(files, 1_000_000), 1_004)
        assert.strictEqual((await lstat(join(files, "shut"))).mode & 0o777, 0)
        await chmod(join(files, "shut"), 0o700)
      })
    })
  )

  it.effect("refuses a root that is a link", () =>
    Effect.gen(function* () {
      const { base, outside } = yield* scene
      const root = join(base, "root")
      yield* Effect.promise(async () => {
        await symlink(outside, root)
        const confined = { root, inside: "/workspace", owner: null }
        const tries = [
          () => ConfinedFiles.read(confined, "secret"),
          () => ConfinedFiles.write(confined, "planted", "x"),
          () => ConfinedTree.measure(root, 1),
          () => ConfinedTree.chown(root, 0, 0),
          () => ConfinedTree.isFolder(root),
          () => ConfinedFolder.realRoot(root)
        ]
        for (const one of tries) {
          assert.match(
            await refusal(Promise.resolve().then((): unknown => one())),
            /is not a folder but a link or a file/
          )
        }
        assert.strictEqual((await tree(outside)).length, 3)
        assert.strictEqual(await readlink(root), outside)
      })
    })
  )

  it.effect("connects to a socket and to nothing that stands for one", () =>
    Effect.gen(function* () {
      const { base } = yield* scene
      const home = join(base, "home")
      const listen = (path: string, says: string) => {
        const server = createServer((socket) => socket.end(says))
        return Effect.acquireRelease(
          Effect.callback<void>((resume) => {
            server.listen(path, () => resume(Effect.void))
          }),
          () => Effect.sync(() => server.close())
        )
      }
      yield* Effect.promise(() => mkdir(home))
      yield* listen(join(base, "other"), "somebody else's")
      yield* listen(join(home, "mine"), "mine")
      yield* Effect.promise(async () => {
        await symlink(join(base, "other"), join(home, "link"))
        await symlink("../other", join(home, "relative"))
        await writeFile(join(home, "file"), "")
      })
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => ConfinedFolder.openRoot(home)),
        (held) => Effect.sync(() => ConfinedFolder.close(held))
      )
      const hear = (name: string) =>
        Effect.callback<string>((resume) => {
          const socket = ConfinedSocket.connect(folder, name)
          let text = ""
          socket
            .on("data", (chunk: Buffer) => {
              text += chunk.toString()
            })
            .on("error", (cause) => resume(Effect.succeed(`error ${ConfinedFolder.codeOf(cause)}`)))
            .on("end", () => resume(Effect.succeed(text)))
        })
      const before = process.platform === "linux" ? (yield* Effect.promise(() => readdir("/proc/self/fd"))).length : 0
      for (let i = 0; i < 20; i++) assert.strictEqual(yield* hear("mine"), "mine")
      for (const name of ["link", "relative", "file"]) assert.strictEqual(yield* hear(name), "error ECONNREFUSED", name)
      assert.strictEqual(yield* hear("absent"), "error ENOENT")
      if (process.platform === "linux")
        assert.isAtMost(
          (yield* Effect.promise(() => readdir("/proc/self/fd"))).length,
          before + 2,
          "no descriptor is left open"
        )
    }).pipe(Effect.scoped)
  )
})

const segment = fc.constantFrom("a", "b", "..", ".", "", "c")
it("a resolved link never leaves its root", () => {
  const names = fc.array(fc.constantFrom("a", "b", "c"))
  fc.assert(
    fc.property(
      names,
      fc.array(segment),
      fc.constantFrom("", "/workspace/", "/etc/", "/workspacex/"),
      (before, parts, prefix) => {
        const resolved = ConfinedFiles.resolveLink(prefix + parts.join("/"), before, "/workspace")
        if (prefix === "/etc/" || prefix === "/workspacex/") return void assert.isNull(resolved)
        // What POSIX makes of it where the root is a folder that `..` may leave. A relative target that begins with / is an absolute one.
        if (prefix === "" && parts[0] === "" && parts.length > 1) return void assert.isNull(resolved)
        let [depth, escaped] = [prefix === "" ? before.length : 0, false]
        for (const one of parts) {
          if (one !== "" && one !== ".") depth += one === ".." ? -1 : 1
          if (depth < 0) escaped = true
        }
        assert.strictEqual(resolved === null, escaped)
        for (const one of resolved ?? []) assert.notInclude(["", ".", ".."], one)
      }
    )
  )
})

it("takes no name for a segment that is more, or less, than one", () => {
  const folder = { fd: 3, path: "/x" }
  for (const bad of ["", ".", "..", "a/b", "/", "a\0", Buffer.from("a/b"), Buffer.from("..")])
    assert.throws(() => ConfinedFolder.at(folder, bad), undefined, undefined, String(bad))
  for (const good of ["a", "...", "a b", "\n", "ü"]) assert.isString(ConfinedFolder.at(folder, good))
})
