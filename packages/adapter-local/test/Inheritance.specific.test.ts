/** What a command inherits from whatever started the server: nothing. The host process is a real one, started with all of it. */
import { assert, describe, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { isInherited } from "@rdev/runtime-node/Descriptors"
import { hardLimits, rlimits } from "../src/sandbox/SandboxLimits.ts"

describe("pure parts", () => {
  it("tells from the flags which descriptor a child would get", () => {
    assert.isTrue(isInherited("pos:\t0\nflags:\t0100000\nmnt_id:\t26\n"))
    assert.isTrue(isInherited("pos:\t0\nflags:\t02\n"))
    assert.isFalse(isInherited("pos:\t0\nflags:\t02100002\nmnt_id:\t26\n"))
    assert.isFalse(isInherited(""))
  })

  it("sets no limit above what the server has, and its own where it has none", () => {
    const text = [
      "Limit                     Soft Limit           Hard Limit           Units     ",
      "Max open files            1024                 2048                 files     ",
      "Max core file size        unlimited            unlimited            bytes     ",
      "Max data size             unlimited            1000000              bytes     "
    ].join("\n")
    const hard = hardLimits(text)
    assert.deepStrictEqual(
      [...hard],
      [
        ["data", 1_000_000],
        ["nofile", 2048]
      ]
    )
    const found = new Map(
      rlimits({ memoryBytes: 5_000_000, processes: 7, fileBytes: 11 }, hard).map(({ hard: most, name, soft }) => [
        name,
        [soft, most]
      ])
    )
    assert.deepStrictEqual(found.get("data"), [1_000_000, 1_000_000])
    const dataOf = (memoryBytes: number) =>
      rlimits({ memoryBytes, processes: 7, fileBytes: 11 }, new Map()).find(({ name }) => name === "data")?.soft
    assert.deepStrictEqual(
      [5_000_000, 2 * 1024 ** 3].map(dataOf),
      [1024 ** 3, 2 * 1024 ** 3],
      "never less than Node reserves"
    )
    assert.deepStrictEqual(found.get("nofile"), [2048, 2048])
    assert.deepStrictEqual(found.get("core"), [0, 0])
    assert.deepStrictEqual(found.get("nproc"), [7, 7])
    assert.deepStrictEqual(found.get("fsize"), [11, 11])
  })
})

/** perl sets up what no shell can, then becomes the host. */
const odd = `
  $SIG{$_} = "IGNORE" for qw(PIPE HUP USR1 USR2 CHLD); umask 0;
  setpriority(0, 0, -7); syscall(135, 0x0040000);
  open(O, ">", "/proc/self/oom_score_adj") and print O "-500"; close O;
  exec @ARGV;`

const script = `
ls -l /proc/self/fd | sed -n 's/.* \\([0-9]*\\) -> .*/fd \\1/p'
cat <&9 2>/dev/null
umask
grep -E '^(SigIgn|SigBlk|NoNewPrivs|Seccomp):' /proc/self/status
echo "nice $(nice)"
echo "oom $(cat /proc/self/oom_score_adj)"
echo "session $(cut -d' ' -f6 /proc/self/stat) tty $(cut -d' ' -f7 /proc/self/stat)"
echo "files $(ulimit -n) core $(ulimit -c)"
echo "variables $(env | grep -c -i -E '^(canary|node_|rdev)')"
perl -e 'printf "personality %x\\n", syscall(135, 0xffffffff) & 0xffff' 2>/dev/null || true
unset PERL5OPT; perl -e 'printf "personality %x\\n", syscall(135, 0xffffffff); print "keyring ", (syscall(250, 0, -3, 0) == -1 ? "none" : "there"), "\\n"; socket(S, 40, 1, 0) and print "vsock\\n"'
kill -0 0 && echo "own group"
kill -KILL 0`

interface Told {
  readonly isolation: string
  readonly exit: { readonly code: number | null; readonly signal: string | null }
  readonly text: string
  readonly plain: string
}

const run = (how: "direct" | "helped"): Promise<Told> =>
  new Promise((resolve, reject) => {
    const folder = mkdtempSync(join(tmpdir(), "rdev-inherit-test-"))
    const secret = join(folder, "secret")
    writeFileSync(secret, "the-secret\n")
    const descriptor = openSync(secret, "r")
    const stdio: Array<"ignore" | "pipe" | "inherit" | number> = Array.from({ length: 201 }, () => "ignore")
    ;[stdio[1], stdio[2]] = ["pipe", "inherit"]
    for (const number of [3, 9, 17, 99, 200]) stdio[number] = descriptor
    const host = fileURLToPath(new URL("./InheritingHost.ts", import.meta.url))
    const child = spawn("perl", ["-e", odd, process.execPath, "--conditions=@rdev/source", host, how, script], {
      stdio,
      env: { PATH: process.env["PATH"] ?? "", CANARY: "seen" },
      cwd: folder
    })
    let said = ""
    child.stdout?.on("data", (chunk) => {
      said += String(chunk)
    })
    child.once("error", reject)
    child.once("close", (code) => {
      closeSync(descriptor)
      rmSync(folder, { recursive: true, force: true })
      if (code !== 0) return reject(new Error(`the host ended with ${code}: ${said}`))
      resolve(JSON.parse(said) as Told)
    })
  })

describe.runIf(process.platform === "linux").each(["direct", "helped"] as const)(
  "a command of a host that was started with much, %s",
  (how) => {
    it("gets none of it", async () => {
      const { exit, isolation, plain, text } = await run(how)
      // Of children that are no commands too: at most nothing at all stands at the number.
      assert.notInclude(plain, "secret")
      if (isolation === "none (unsafe)") return assert.notInclude(text, "the-secret")
      const said = (pattern: RegExp) => pattern.exec(text)?.[1]
      assert.notInclude(text, "the-secret")
      // 3 is the folder that ls reads.
      assert.deepStrictEqual(
        [...text.matchAll(/^fd (\d+)$/gm)].map(([, number]) => number),
        ["0", "1", "2", "3"],
        text
      )
      assert.include(text, "0022\n")
      assert.match(text, /^SigIgn:\s+0+$/m)
      assert.match(text, /^SigBlk:\s+0+$/m)
      assert.match(text, /^NoNewPrivs:\s+1$/m)
      assert.match(text, /^Seccomp:\s+2$/m)
      assert.isAtLeast(Number(said(/^nice (-?\d+)$/m)), 0)
      assert.isAtLeast(Number(said(/^oom (-?\d+)$/m)), 0)
      assert.include(text, "session 0 tty 0", "a session from outside of its namespace, without a terminal")
      assert.include(text, "core 0")
      assert.include(text, "variables 0")
      if (process.arch === "x64") assert.include(text, "personality 0")
      assert.include(text, "keyring none")
      assert.notInclude(text, "vsock")
      assert.include(text, "own group")
      assert.deepInclude(exit, { code: null, signal: "SIGKILL" }, "its group ended, and only that")
    }, 60_000)
  }
)
