/** The server is started with all that a careless supervisor may leave open or set; a command of a tenant gets none of it. */
import type { Attack, Kind, ProjectRef } from "../Attack.ts"

const secret = "inherited-secret-5c1e"
const numbers = [3, 4, 5, 6, 7, 8, 9, 10, 17, 63, 99, 200, 255, 777]

/** perl sets up what no shell can, then becomes the server: descriptors, signals, mask, umask, priorities, limits, personality, a name of its own. */
const careless = `
  use POSIX ();
  $^F = 4096; open(my $f, "+>", undef) or die; syswrite($f, "${secret}\\n"); my $at = fileno($f);
  for (${numbers.join(", ")}) { next if $_ == $at; POSIX::dup2($at, $_) // die "dup2 $_: $!" }
  $SIG{$_} = "IGNORE" for qw(PIPE HUP USR1 USR2 ALRM WINCH TSTP TTIN TTOU);
  umask 0; setpriority(0, 0, -5);
  if (open(my $o, ">", "/proc/self/oom_score_adj")) { print $o "-500"; close $o }
  if (qx(uname -m) =~ /x86_64/) { syscall(135, 0x0040000) }
  system("prlimit", "--pid", $$, "--nofile=5000:6000", "--core=unlimited:unlimited", "--stack=16777216:33554432");
  exec { $ARGV[0] } @ARGV or die;`

/** Each line is a name and a value. */
const look = `
ls -l /proc/self/fd | sed -n 's/.* \\([0-9]*\\) -> .*/fd \\1/p'
for n in ${numbers.join(" ")}; do cat /proc/self/fd/$n 2>/dev/null; perl -e 'open(F, "<&=", $ARGV[0]) and seek(F, 0, 0) and print <F>' $n 2>/dev/null; bash -c "cat <&$n" 2>/dev/null; done
for p in /proc/[0-9]*; do tr '\\0' '\\n' <$p/environ 2>/dev/null; for f in $p/fd/*; do case $(readlink $f 2>/dev/null) in *deleted*) cat $f 2>/dev/null;; esac; done; done | sed 's/^/seen /'
echo "umask $(umask)"
sed -n 's/^\\(SigIgn\\|SigBlk\\|NoNewPrivs\\|Seccomp\\|CapEff\\|CapPrm\\|CapInh\\|CapBnd\\|CapAmb\\|Groups\\):[[:space:]]*/\\1 /p' /proc/self/status
echo "nice $(nice)"
echo "oom $(cat /proc/self/oom_score_adj)"
echo "session $(cut -d' ' -f6 /proc/self/stat)"
echo "tty $(cut -d' ' -f7 /proc/self/stat)"
echo "files $(ulimit -Sn):$(ulimit -Hn)"
echo "core $(ulimit -Hc)"
echo "folder $(pwd)"
echo "terminal $( (: </dev/tty) 2>/dev/null && echo open)"
echo "variables $(env | sed 's/=.*//' | sort | tr '\\n' ' ')"
echo "zombies $(ls -d /proc/[0-9]* | wc -l)"
perl -e 'print "personality ", syscall($ARGV[0], 0xffffffff), "\\n"' $(case $(uname -m) in x86_64) echo 135;; *) echo 92;; esac)
perl -e 'print "scheduler ", syscall($ARGV[0], 0), "\\n"' $(case $(uname -m) in x86_64) echo 145;; *) echo 120;; esac)
echo "end reached"`

const hold = (attack: Attack, output: string, whose: string) => {
  const lines = output.split("\n")
  const said = (name: string) =>
    lines
      .filter((line) => line.startsWith(`${name} `))
      .map((line) => line.slice(name.length + 1).trim())
      .join(",")
  const is = (name: string, fits: (value: string) => boolean) =>
    attack.held(`${name}, ${whose}`, fits(said(name)), said(name))
  attack.held(`the look around comes to its end, ${whose}`, lines.includes("end reached"), output)
  attack.held(`no inherited file can be read, ${whose}`, !output.includes(secret), output)
  attack.held(`no variable of the server is seen, ${whose}`, !output.includes("canary-of-the-server"), output)
  attack.held(
    `no key or pepper of the server is in a variable, ${whose}`,
    !output.includes(attack.server.adminKey),
    output
  )
  // 3 is the folder that ls reads.
  is("fd", (value) => /^0,1,2(,3)?$/.test(value))
  is("umask", (value) => value === "0022")
  for (const name of ["SigIgn", "SigBlk", "CapEff", "CapPrm", "CapInh", "CapAmb"])
    is(name, (value) => /^0+$/.test(value))
  is("Groups", (value) => !/\b0\b/.test(value))
  is("NoNewPrivs", (value) => value === "1")
  is("Seccomp", (value) => value === "2")
  is("nice", (value) => Number(value) >= 0)
  is("oom", (value) => Number(value) >= 0)
  is("tty", (value) => value === "0")
  is("files", (value) => value.split(":").every((one) => Number(one) >= 1024 && Number(one) <= 65_536))
  is("core", (value) => value === "0")
  is("folder", (value) => value === "/workspace")
  is("terminal", (value) => value === "")
  is("personality", (value) => value === "0")
  is("scheduler", (value) => value === "0")
  is("variables", (value) => !/(^| )(RDEV_|CANARY|NODE_|npm_|LC_ALL)/.test(value))
}

/** What runs when a program takes a caller's variable seriously: it writes down which walls stand at that moment. */
const files = `mkdir -p trap/bin && cd trap
cat >mark.sh <<'X'
{ sed -n 's/^\\(NoNewPrivs\\|Seccomp\\|CapEff\\):[[:space:]]*/\\1=/p' /proc/self/status | tr '\\n' ' '; ls /proc/self/fd | tr '\\n' ' '; echo; } >>/workspace/marks 2>/dev/null
X
cat >Trap.pm <<'X'
package Trap; open(my $s, "<", "/proc/self/status"); my $t = join "", <$s>; close $s; opendir(my $d, "/proc/self/fd"); my @f = grep { /\\d/ } readdir $d; closedir $d;
open(my $o, ">>", "/workspace/marks"); print $o "NoNewPrivs=", $t =~ /NoNewPrivs:\\s*(\\d)/, " Seccomp=", $t =~ /Seccomp:\\s*(\\d)/, " CapEff=", $t =~ /CapEff:\\s*(\\w+)/, " @f\\n"; close $o; 1;
X
cat >sitecustomize.py <<'X'
import os
t = open("/proc/self/status").read().split(); at = lambda n: t[t.index(n + ":") + 1]
open("/workspace/marks", "a").write("NoNewPrivs=%s Seccomp=%s CapEff=%s py\\n" % (at("NoNewPrivs"), at("Seccomp"), at("CapEff")))
X
cat >trap.js <<'X'
const t = require("fs").readFileSync("/proc/self/status", "utf8"); const at = (n) => new RegExp(n + ":\\\\s*(\\\\w+)").exec(t)[1]
require("fs").appendFileSync("/workspace/marks", ["NoNewPrivs", "Seccomp", "CapEff"].map((n) => n + "=" + at(n)).join(" ") + " js\\n")
X
cat >trap.c <<'X'
#include <stdio.h>
#include <string.h>
__attribute__((constructor)) static void trap(void) {
  char line[256]; FILE *s = fopen("/proc/self/status", "r"), *o = fopen("/workspace/marks", "a");
  while (s && o && fgets(line, sizeof line, s)) if (!strncmp(line, "Seccomp:", 8) || !strncmp(line, "NoNewPrivs:", 11) || !strncmp(line, "CapEff:", 7)) { line[strcspn(line, "\\n")] = 0; fprintf(o, "%s ", line); }
  if (o) { fprintf(o, "c\\n"); fclose(o); } if (s) fclose(s);
}
unsigned int la_version(unsigned int version) { return version; }
X
cp mark.sh bin/mark
for n in perl python3 sh bash setpriv prlimit unshare mount env; do printf '#!/bin/sh\\n. /workspace/trap/mark.sh\\nexec /usr/bin/%s "$@"\\n' $n >bin/$n; chmod 755 bin/$n; done
cc -shared -fPIC -o trap.so trap.c 2>/dev/null && echo compiled
true`

const library = "/workspace/trap/trap.so"
/** Variables by which a caller makes programs run what is the caller's, alone and together. */
const tricks: ReadonlyArray<Readonly<Record<string, string>>> = [
  { LD_PRELOAD: library },
  { LD_AUDIT: library },
  { LD_LIBRARY_PATH: "/workspace/trap" },
  { GLIBC_TUNABLES: "glibc.malloc.check=3" },
  { LD_DEBUG: "all", LD_DEBUG_OUTPUT: "/workspace/marks-ld" },
  { PERL5OPT: "-MTrap", PERL5LIB: "/workspace/trap" },
  { PERL5DB: "BEGIN { require '/workspace/trap/Trap.pm' }", PERL5OPT: "-d" },
  { PERLLIB: "/workspace/trap", PERL5OPT: "-MTrap" },
  { PERLIO: ":utf8" },
  { PERL_UNICODE: "63" },
  { PYTHONPATH: "/workspace/trap" },
  { PYTHONHOME: "/workspace/trap" },
  { PYTHONSTARTUP: "/workspace/trap/sitecustomize.py", PYTHONINSPECT: "1" },
  { NODE_OPTIONS: "--require /workspace/trap/trap.js" },
  { NODE_PATH: "/workspace/trap" },
  { PATH: "/workspace/trap/bin:/usr/bin:/bin" },
  { HOME: "/proc/1/root" },
  { TMPDIR: "/proc/1" },
  { CDPATH: "/:/proc" },
  { RDEV_E_PATH: "/workspace/trap/bin", RDEV_E_LD_PRELOAD: library },
  { RDEV_ROOT: "/", RDEV_MOUNTS: "/workspace/trap/mark.sh" },
  { RDEV_EXEC: "0" },
  { LC_ALL: "C", LANG: "../../workspace/trap" },
  { LOCPATH: "/workspace/trap" },
  { PS1: "$(. /workspace/trap/mark.sh)", PS2: "$(. /workspace/trap/mark.sh)" },
  { POSIXLY_CORRECT: "1" },
  { IGNOREEOF: "1" },
  { LINENO: "x" },
  { OPTARG: "x", MAILPATH: "/workspace/trap/mark.sh" },
  { UTIL_LINUX_LOCALE: "x", LIBMOUNT_FSTAB: "/workspace/trap/mark.sh", LIBMOUNT_DEBUG: "all" },
  { a: "'; . /workspace/trap/mark.sh; '" },
  { b: "$(. /workspace/trap/mark.sh)`. /workspace/trap/mark.sh`\n. /workspace/trap/mark.sh" },
  { c: "\\'\"\u{1F4A5}\u202e\r\n\t\x01" }
]
/** What no POSIX shell lets anybody set: refused before anything starts. */
const refusedNames = [
  "ENV",
  "BASH_ENV",
  "SHELLOPTS",
  "BASHOPTS",
  "IFS",
  "PS4",
  "UID",
  "EUID",
  "PPID",
  "OPTIND",
  "BASH_VERSINFO",
  "A B",
  "A=B",
  "",
  "1A",
  "A\u0000",
  "A;id",
  "BASH_FUNC_sed%%",
  "$(id)"
]

const walls = (line: string): boolean =>
  /NoNewPrivs[=:]\s*1/.test(line) &&
  /Seccomp[=:]\s*2/.test(line) &&
  /CapEff[=:]\s*0+( |$)/.test(line) &&
  !/ (?:[5-9]|\d\d+) /.test(line.replace(/^.*CapEff\S*/, ""))

const tryVariables = async (attack: Attack, project: ProjectRef) => {
  const built = await attack.exec(project, files)
  attack.held("the traps can be laid", built.code === 0, built.output)
  if (!built.output.includes("compiled"))
    console.log("inheritance: no C compiler inside; LD_PRELOAD and LD_AUDIT name a library that is not there")
  for (const env of tricks) {
    const name = Object.keys(env).join("+")
    // The variables as the kernel handed them to the shell, whatever a program would make of them.
    const ran = await attack.exec(project, "/usr/bin/env -i /usr/bin/od -An -v -tx1 /proc/$$/environ; exit 0", {
      env,
      timeoutSeconds: 20
    })
    attack.held(`a command with ${name} starts and ends`, ran.code === 0, `${String(ran.code)} ${ran.output}`)
    const given = `00${ran.output.replaceAll(/[^0-9a-f]/g, "")}`
    for (const [key, value] of Object.entries(env))
      attack.held(
        `${key} arrives as it was given`,
        given.includes(`00${Buffer.from(`${key}=${value}`).toString("hex")}00`),
        ran.output
      )
  }
  // Each language reads its own; the walls are asked inside.
  await attack.exec(project, "perl -e 1; python3 -c 1; node -e 0; cat /dev/null; true", {
    env: {
      PERL5OPT: "-MTrap",
      PERL5LIB: "/workspace/trap",
      PYTHONPATH: "/workspace/trap",
      NODE_OPTIONS: "--require /workspace/trap/trap.js",
      LD_PRELOAD: library
    }
  })
  for (const PATH of ["", ".", "/nowhere", "/workspace/none:"]) {
    const answer = await attack.api("POST", `/projects/${project.name}/workspace/execs`, {
      body: { command: ["sh", "-c", "true"], env: { PATH } }
    })
    attack.held(
      `with the PATH ${JSON.stringify(PATH)} no other program is taken`,
      answer.status === 422 && answer.text.includes("not found"),
      `${answer.status} ${answer.text}`
    )
  }
  for (const name of refusedNames) {
    const answer = await attack.api("POST", `/projects/${project.name}/workspace/execs`, {
      body: { command: ["sh", "-c", "sh -c true; bash -c true"], env: { [name]: "/workspace/trap/mark.sh" } }
    })
    attack.held(
      `the variable ${JSON.stringify(name)} is refused`,
      answer.status === 400 || answer.status === 422,
      `${answer.status} ${answer.text}`
    )
  }
  const marks = (await attack.exec(project, "cat marks")).output.split("\n").filter((line) => line !== "")
  attack.held("the traps went off inside", marks.length > 0, "no variable did anything, so nothing was tried")
  for (const mark of new Set(marks)) attack.held("what a variable starts runs behind the walls", walls(mark), mark)
}

/** A command ends what it likes of its own; others, and the server, go on. */
const tryNeighbours = async (attack: Attack, project: ProjectRef) => {
  const path = `/projects/${project.name}/workspace/execs`
  const sleeper = String(
    (
      await attack.must("POST", path, {
        body: {
          command: ["sh", "-c", "sleep 50; : token-of-the-sleeper"],
          env: { SLEEPER: "variable-of-the-sleeper" },
          timeout_seconds: 60
        }
      })
    )["id"]
  )
  for (const [what, script] of Object.entries({
    "kill 0": "kill -KILL 0",
    "kill -1": "kill -KILL -1",
    "kill all by number": "i=2; while [ $i -lt 3000 ]; do kill -KILL $i 2>/dev/null; i=$((i+1)); done",
    "kill the first": "kill -KILL 1; kill -TERM 1; kill -STOP 1; true",
    "kill the parent": "kill -KILL $PPID",
    "stop its session": "kill -STOP -- -$$; true",
    "a group of its own": "setsid sh -c 'kill -KILL -1'; true"
  })) {
    const started = await attack.must("POST", path, { body: { command: ["sh", "-c", script], timeout_seconds: 3 } })
    const ended = await attack.must("GET", `${path}/${String(started["id"])}?wait=20`)
    attack.held(`${what}: it ends`, ended["state"] === "exited", JSON.stringify(ended))
    attack.held(
      `${what}: the other command runs on`,
      (await attack.must("GET", `${path}/${sleeper}`))["state"] === "running"
    )
    attack.held(`${what}: the server answers`, (await attack.api("GET", "/projects")).status === 200)
  }
  const seen = await attack.exec(
    project,
    "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'; ls /proc | grep -c '^[0-9]'; ls /tmp /dev/shm"
  )
  attack.held("another command of the project is not seen", !seen.output.includes("of-the-sleeper"), seen.output)
  await attack.must("POST", `${path}/${sleeper}/kill`)
  await attack.exec(
    project,
    "setsid sh -c 'while :; do date +%s%N >>/workspace/alive; sleep 0.05; done' </dev/null >/dev/null 2>&1 & (trap '' TERM HUP INT; sleep 50) & echo left >/tmp/left; echo left >/dev/shm/left; sleep 0.3"
  )
  const left = await attack.exec(
    project,
    "wc -c <alive; sleep 0.5; wc -c <alive; ls /tmp/left /dev/shm/left 2>&1 | grep -vc 'No such'; true"
  )
  const [before, after] = left.output.split("\n")
  attack.held("what a command left running has ended with it", before !== undefined && before === after, left.output)
  attack.held(
    "nothing of /tmp and /dev/shm is left for the next command",
    left.output.split("\n")[2] === "0",
    left.output
  )
}

export const kind: Kind = {
  name: "inheritance",
  promise:
    "A command inherits nothing of whatever started the server, and a caller's variables start nothing before the walls stand",
  environment: {
    CANARY_ONE: "canary-of-the-server-1",
    LD_BIND_NOW: "1",
    NODE_NO_WARNINGS: "1",
    PERL5LIB: "/canary-of-the-server-2",
    RDEV_EXEC: "canary-of-the-server-3"
  },
  through: ["perl", "-e", careless],
  run: async (attack) => {
    const project = await attack.project()
    hold(attack, (await attack.exec(project, look)).output, "of the server that has just started")
    hold(
      attack,
      (await attack.exec(project, look, { env: { PERL5OPT: "", CALLER: "x" } })).output,
      "with variables of the caller"
    )
    await tryVariables(attack, project)
    await tryNeighbours(attack, project)
  }
}
