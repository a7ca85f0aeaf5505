/** A command asks the kernel for what no build needs: other kernels, other processes, other namespaces, other projects. */
import { createServer, type Server } from "node:net"
import type { Attack, Kind, ProjectRef } from "../Attack.ts"

/** Numbers on x64 and arm64 (null: not there), and arguments in perl; what a kernel without walls would answer harms nobody. */
type Call = readonly [x64: number | null, arm64: number | null, args?: string]
const calls: Readonly<Record<string, Call>> = {
  io_uring_setup: [425, 425, "1, my $p = chr(0) x 120"],
  io_uring_enter: [426, 426, "0, 0, 0, 0, 0, 0"],
  io_uring_register: [427, 427, "-1, 0, 0, 0"],
  add_key: [248, 217, "'user', 'rdev', 'x', 1, -4"],
  request_key: [249, 218, "'user', 'rdev', 0, 0"],
  "keyctl get session": [250, 219, "0, -3, 1"],
  "keyctl join session": [250, 219, "1, 'other'"],
  "keyctl describe": [250, 219, "6, -4, 0, 0"],
  "keyctl watch": [250, 219, "32, -4, 0, 0"],
  "bpf map": [321, 280, "0, my $p = pack('LLLL', 1, 4, 4, 1), 16"],
  "bpf program": [321, 280, "5, my $p = chr(0) x 72, 72"],
  perf_event_open: [298, 241, "my $p = pack('LLQ', 1, 120, 0) . chr(0) x 104, 0, -1, -1, 0"],
  userfaultfd: [323, 282, "0"],
  "userfaultfd user mode": [323, 282, "1"],
  setns: [308, 268, "0, 0"],
  "setns user": [308, 268, "0, 0x10000000"],
  "mount tmpfs": [165, 40, "'none', '/tmp', 'tmpfs', 0, 0"],
  "remount root": [165, 40, "'none', '/', 'none', 0x1020, 0"],
  "bind proc": [165, 40, "'/proc', '/tmp', 'none', 0x1000, 0"],
  umount: [166, 39, "'/tmp', 2"],
  pivot_root: [155, 41, "'.', '.'"],
  chroot: [161, 51, "'.'"],
  open_tree: [428, 428, "-100, '/', 1"],
  move_mount: [429, 429, "-100, '/', -100, '/tmp', 0"],
  fsopen: [430, 430, "'tmpfs', 0"],
  fsconfig: [431, 431, "-1, 0, 0, 0, 0"],
  fsmount: [432, 432, "-1, 0, 0"],
  fspick: [433, 433, "-100, '/', 0"],
  mount_setattr: [442, 442, "-100, '/', 0, my $p = chr(0) x 32, 32"],
  statmount: [457, 457, "0, 0, 0, 0"],
  listmount: [458, 458, "0, 0, 0, 0"],
  "ptrace traceme": [101, 117, "0, 0, 0, 0"],
  "ptrace attach": [101, 117, "16, 1, 0, 0"],
  "ptrace seize": [101, 117, "0x4206, getppid(), 0, 0"],
  process_vm_readv: [310, 270, "getppid(), 0, 0, 0, 0, 0"],
  process_vm_writev: [311, 271, "getppid(), 0, 0, 0, 0, 0"],
  kcmp: [312, 272, "$$, getppid(), 0, 0, 0"],
  pidfd_getfd: [438, 438, "-1, 0, 0"],
  process_madvise: [440, 440, "-1, 0, 0, 0, 0"],
  kexec_load: [246, 104, "0, 0, 0, 0"],
  kexec_file_load: [320, 294, "-1, -1, 0, 0, 0"],
  init_module: [175, 105, "'x', 1, ''"],
  finit_module: [313, 273, "-1, '', 0"],
  delete_module: [176, 106, "'none_of_this_name', 0"],
  name_to_handle_at: [303, 264, "-100, '/', my $p = pack('LL', 128, 0) . chr(0) x 128, my $m = pack('L', 0), 0"],
  open_by_handle_at: [304, 265, "-100, my $p = pack('LL', 8, 1) . chr(0) x 8, 0"],
  fanotify_init: [300, 262, "0, 0"],
  quotactl: [179, 60, "0x80000100, 0, 0, 0"],
  quotactl_fd: [443, 443, "-1, 0, 0, 0"],
  "personality without randomness": [135, 92, "0x0040000"],
  "personality that reads as executable": [135, 92, "0x0400000"],
  "personality with page zero": [135, 92, "0x0100000"],
  iopl: [172, null, "3"],
  ioperm: [173, null, "0, 1, 1"],
  modify_ldt: [154, null, "0, 0, 0"],
  uselib: [134, null, "'/x'"],
  sysfs: [139, null, "3"],
  ustat: [136, null, "0, 0"],
  swapon: [167, 224, "'/none', 0"],
  swapoff: [168, 225, "'/none'"],
  acct: [163, 89, "'/none'"],
  reboot: [169, 142, "0, 0, 0, 0"],
  syslog: [103, 116, "3, my $p = chr(0) x 64, 64"],
  settimeofday: [164, 170, "0, 0"],
  clock_settime: [227, 112, "0, my $p = chr(0) x 16"],
  clock_adjtime: [305, 266, "0, my $p = pack('L', 1) . chr(0) x 204"],
  sethostname: [170, 161, "'other', 5"],
  setdomainname: [171, 162, "'other', 5"],
  mbind: [237, 235, "0, 0, 0, 0, 0, 0"],
  set_mempolicy: [238, 237, "0, 0, 0"],
  migrate_pages: [256, 238, "0, 0, 0, 0"],
  move_pages: [279, 239, "0, 0, 0, 0, 0, 0"],
  vhangup: [153, 58, ""],
  memfd_secret: [447, 447, "0"],
  clone3: [435, 435, "my $p = pack('Q', 0x10000000) . chr(0) x 80, 88"],
  lookup_dcookie: [212, 18, "0, 0, 0"],
  ...Object.fromEntries(
    Object.entries({
      mount: 0x20000,
      cgroup: 0x2000000,
      uts: 0x4000000,
      ipc: 0x8000000,
      user: 0x10000000,
      pid: 0x20000000,
      network: 0x40000000,
      time: 0x80
    }).map(([name, flag]) => [`unshare ${name}`, [272, 97, String(flag)] as const])
  ),
  ...Object.fromEntries(
    Object.entries({
      mount: 0x20000,
      cgroup: 0x2000000,
      uts: 0x4000000,
      ipc: 0x8000000,
      user: 0x10000000,
      "user and network": 0x50000000,
      pid: 0x20000000,
      network: 0x40000000
    }).map(([name, flag]) => [`clone ${name}`, [56, 220, `${flag} | 17, 0, 0, 0, 0`] as const])
  ),
  // The upper half of a flag's register counts for nothing in the kernel; it must not blind the filter.
  "unshare user, upper half set": [272, 97, "0x100000000 | 0x10000000"],
  ...Object.fromEntries(
    Object.entries({
      packet: [17, 3, 0],
      netlink_audit: [16, 3, 9],
      netlink_nfnetlink: [16, 3, 12],
      netlink_xfrm: [16, 3, 6],
      netlink_uevent: [16, 3, 15],
      vsock: [40, 1, 0],
      alg: [38, 5, 0],
      bluetooth: [31, 3, 0],
      can: [29, 3, 1],
      tipc: [30, 5, 0],
      rds: [21, 5, 0],
      ax25: [3, 5, 0],
      x25: [9, 5, 0],
      appletalk: [5, 2, 0],
      ipx: [4, 2, 0],
      key: [15, 3, 2],
      nfc: [39, 3, 0],
      kcm: [41, 2, 0],
      qipcrtr: [42, 2, 0],
      smc: [43, 1, 0],
      xdp: [44, 3, 0],
      mctp: [45, 2, 0],
      phonet: [35, 2, 0],
      sctp: [2, 1, 132],
      dccp: [2, 6, 33],
      l2tp: [2, 2, 115],
      udplite: [2, 2, 136],
      sctp6: [10, 1, 132]
    }).map(([name, [family, type, protocol]]) => [
      `socket ${name}`,
      [41, 198, `${family}, ${type}, ${protocol}`] as const
    ])
  ),
  "raw socket": [41, 198, "2, 3, 1"],
  "raw socket of IPv6": [41, 198, "10, 3, 58"],
  "socketpair tipc": [53, 199, "30, 5, 0, my $p = chr(0) x 8"],
  ...Object.fromEntries(
    [470, 480, 500, 512, 547, 1000, 0x3fff_ffff].map((number) => [
      `the unknown call ${number}`,
      [number, number, "0"] as const
    ])
  ),
  ...Object.fromEntries(
    [0, 39, 56, 101, 272, 425, 512, 520, 521, 545].map((number) => [
      `x32 call ${number}`,
      [0x4000_0000 + number, null, "0, 0, 0, 0"] as const
    ])
  )
}
const one = process.arch === "arm64" ? 1 : 0
const usable = Object.entries(calls).flatMap(([name, call]) =>
  call[one] === null || call[one] === undefined ? [] : [{ name, number: call[one], args: call[2] ?? "" }]
)

/** Prints per call `name<TAB>errno`, or `0` for one that was granted. A clone that succeeds ends in its child. */
const perl = (inner: string) => `cat >calls.pl <<'X'
no warnings; my $self = $$;
sub told { my ($name, $result) = @_; my $error = $! + 0; exit 0 if $$ != $self && !$ENV{ANY_PROCESS}; print "$name\\t", ($result == -1 ? $error : 0), "\\n" }
$| = 1; $self = $$;
${usable.map(({ args, name, number }) => `told('${name}', syscall(${number}${args === "" ? "" : `, ${args.replaceAll(/'[^']*'/g, (text) => `my $t = ${text}`)}`}));`).join("\n")}
X
${inner}`
const ways: Readonly<Record<string, string>> = {
  directly: "perl calls.pl",
  "in a session of its own": "setsid -w perl calls.pl",
  "below other programs":
    'python3 -c \'import subprocess; subprocess.run(["sh", "-c", "perl calls.pl"])\' || sh -c \'sh -c "perl calls.pl"\'',
  "with what it asks for first":
    'perl -e \'syscall($ARGV[0], 22, 0); syscall($ARGV[0], 38, 0, 0, 0, 0); syscall($ARGV[0], 4, 1); exec "perl", "calls.pl"\' $(case $(uname -m) in x86_64) echo 157;; *) echo 167;; esac)'
}
/** EPERM, EACCES, ENOSYS, EPROTONOSUPPORT, EAFNOSUPPORT: the filter's, or a missing right. Another error comes from code that was reached. */
const refusals: ReadonlySet<number> = new Set([1, 13, 38, 93, 97])

const tryCalls = async (attack: Attack, project: ProjectRef) => {
  for (const [way, inner] of Object.entries(ways)) {
    const { output } = await attack.exec(project, perl(inner), { timeoutSeconds: 30 })
    const told = new Map(
      output.split("\n").flatMap((line) => (line.includes("\t") ? [line.split("\t") as [string, string]] : []))
    )
    for (const { name } of usable)
      attack.held(
        `${name}, ${way}`,
        refusals.has(Number(told.get(name))),
        told.has(name) ? `errno ${String(told.get(name))}` : `it was not tried: ${output.slice(-300)}`
      )
  }
}

/** Each command must not print `granted`; where a program is missing there is nothing to try, and another line tries the same. */
const scripts: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    [
      "/proc/sys/kernel/core_pattern",
      "/proc/sys/kernel/modprobe",
      "/proc/sys/kernel/hostname",
      "/proc/sys/vm/overcommit_memory",
      "/proc/sys/net/ipv4/ip_forward",
      "/proc/sys/fs/binfmt_misc/register",
      "/proc/sysrq-trigger",
      "/proc/sys/kernel/ns_last_pid",
      "/proc/sys/user/max_user_namespaces",
      "/proc/irq/default_smp_affinity",
      "/proc/self/uid_map",
      "/proc/self/gid_map",
      "/proc/1/oom_score_adj",
      "/proc/1/mem",
      "/sys/fs/cgroup/cgroup.procs",
      "/sys/fs/cgroup/memory/cgroup.procs",
      "/sys/kernel/uevent_helper",
      "/sys/kernel/mm/ksm/run",
      "/etc/passwd",
      "/etc/hosts",
      "/usr/written",
      "/bin/sh",
      "/lib/written",
      "/opt/rdev/bin/node",
      "/written",
      "/dev/written",
      "/run/written",
      "/var/written",
      "/home/written"
    ].map((path) => [`write ${path}`, `(echo 1 >${path}) 2>/dev/null && echo granted`])
  ),
  ...Object.fromEntries(
    [
      "/proc/kcore",
      "/proc/kmsg",
      "/proc/1/environ",
      "/proc/1/mem",
      "/proc/timer_list",
      "/proc/slabinfo",
      "/proc/vmallocinfo",
      "/proc/1/root/root",
      "/dev/mem",
      "/dev/kmsg",
      "/dev/port",
      "/dev/sda",
      "/dev/vda",
      "/dev/loop0",
      "/dev/fuse",
      "/dev/net/tun",
      "/dev/kvm",
      "/dev/ptmx",
      "/dev/console",
      "/dev/tty0",
      "/dev/input/event0",
      "/etc/shadow",
      "/etc/sudoers",
      "/root",
      "/srv",
      "/boot",
      "/var/lib",
      "/var/log",
      "/sys/kernel",
      "/sys/class",
      "/run/docker.sock",
      "/run/systemd",
      "/mnt",
      "/media",
      "/host"
    ].map((path) => [`read ${path}`, `{ head -c 1 ${path} || ls ${path}/*; } 2>/dev/null | grep -q . && echo granted`])
  ),
  ...Object.fromEntries(
    ["c 1 1", "c 1 3", "b 8 0", "b 7 0", "c 10 229", "c 5 1"].map((node) => [
      `mknod ${node}`,
      `mknod node ${node} 2>/dev/null && echo granted`
    ])
  ),
  ...Object.fromEntries(
    [
      "su -c 'echo granted'",
      "sudo -n echo granted",
      "unshare -Ur echo granted",
      "unshare -r --mount echo granted",
      "unshare --user --map-auto echo granted",
      "nsenter -t 1 -a echo granted",
      "chroot / echo granted",
      "bwrap --dev-bind / / echo granted",
      "setpriv --reuid=0 echo granted",
      "setpriv --reuid=65533 echo granted",
      "setpriv --ambient-caps=+all --inh-caps=+all echo granted",
      "chrt -f 1 echo granted",
      "nice -n -1 sh -c '[ $(nice) -lt 0 ] && echo granted'",
      "ionice -c 1 echo granted",
      "renice -n -5 -p $$ && echo granted",
      "capsh --user=root -- -c 'echo granted'",
      "newuidmap $$ 0 0 1 && echo granted",
      "pkexec echo granted",
      "mount -t proc proc /tmp && echo granted",
      "losetup /dev/loop0 x && echo granted",
      "modprobe loop && echo granted",
      "ip link add dummy0 type dummy && echo granted",
      "ip route add default dev lo && echo granted",
      "nft list ruleset && echo granted",
      "iptables -L && echo granted",
      "dmesg | grep -q . && echo granted",
      "date -s 2001-01-01 && echo granted",
      "chown 0:0 own && echo granted",
      "chown 65534:65534 own && echo granted"
    ].map((command) => [command, `: >own; ${command} 2>/dev/null`])
  ),
  "set-uid of a copy": 'cp /usr/bin/id own-id; chmod 6755 own-id; [ "$(./own-id -u)" = 0 ] && echo granted',
  "capabilities of a file": "cp /usr/bin/perl own-perl; setcap cap_net_raw+ep own-perl 2>/dev/null && echo granted",
  "setuid by itself":
    'perl -e \'$> = 0; $< = 0; print "granted\\n" if $> == 0 || $< == 0\'; perl -MPOSIX -e \'POSIX::setuid(0) and print "granted\\n"; POSIX::setgid(0) and print "granted\\n"\'',
  groups: "id -G | tr ' ' '\\n' | grep -qx 0 && echo granted",
  "raise limits":
    "for l in n u c l; do ulimit -S$l unlimited 2>/dev/null; ulimit -H$l unlimited 2>/dev/null && echo granted; done",
  "lower its score":
    "cat /proc/self/oom_score_adj | grep -q '^-' && echo granted; (echo -1 >/proc/self/oom_score_adj) 2>/dev/null && [ $(cat /proc/self/oom_score_adj) -lt 0 ] && echo granted",
  "a terminal that types":
    'perl -e \'open(T, "+<", "/dev/tty") and ioctl(T, 0x5412, my $c = "x") and print "granted\\n"; ioctl(STDIN, 0x5412, my $d = "x") and print "granted\\n"\'',
  "upper half of a request that types":
    'perl -e \'syscall($ARGV[0], 0, 0x100005412, my $c = "x") != -1 and print "granted\\n"\' $(case $(uname -m) in x86_64) echo 16;; *) echo 29;; esac)',
  "more than its own processes": "[ $(ls -d /proc/[0-9]* | wc -l) -gt 20 ] && echo granted",
  "more of the machine's mounts":
    "grep -E ' /(workspace|home/agent) ' /proc/self/mountinfo | wc -l | grep -qx 2 || echo granted; cut -d' ' -f5 /proc/self/mountinfo | grep -Ev '^/($|usr|bin|sbin|lib|proc|tmp|dev|etc|opt/rdev|workspace|home/agent)' && echo granted",
  "an interface of the machine":
    "ls /sys/class/net 2>/dev/null | grep -v lo && echo granted; tail -n +3 /proc/net/dev | grep -v '^ *lo:' | grep -q : && echo granted"
}
const tryScripts = async (attack: Attack, project: ProjectRef) => {
  const all = Object.entries(scripts)
  // The rest of an earlier one must not hinder the next: each in a shell and a folder of its own.
  const script = all
    .map(
      ([, command], index) =>
        `mkdir -p t${index}; cd t${index}; echo "begin ${index}"; timeout 5 sh -c '${command.replaceAll("'", "'\\''")}' </dev/null 2>/dev/null; cd ..`
    )
    .join("\n")
  const { code, output } = await attack.exec(project, `${script}\necho "begin end"`, { timeoutSeconds: 60 })
  attack.held("all were tried", output.includes("begin end"), `${String(code)} ${output.slice(-200)}`)
  for (const [index, [name]] of all.entries()) {
    const part = new RegExp(`^begin ${index}\\n([^]*?)^begin `, "m").exec(output)?.[1]
    attack.held(name, part !== undefined && !/^granted$/m.test(part), part ?? "it was not tried")
  }
}

/** 32-bit calls have other numbers: `int 0x80` of a 64-bit program must end it. */
const tryOldCalls = async (attack: Attack, project: ProjectRef) => {
  if (process.arch !== "x64") return console.log("kernel-surface: no 32-bit calls on this architecture")
  const ran = await attack.exec(
    project,
    `printf '%s' 'int main(void){long r=20;__asm__ volatile("int $0x80":"+a"(r)::"memory");return r>0?42:43;}' >old.c; cc -o old old.c || exit 99; ./old`,
    { timeoutSeconds: 30 }
  )
  if (ran.code === 99) return console.log("kernel-surface: no C compiler inside; 32-bit calls are not tried")
  attack.held("a 32-bit call ends the program", ran.code !== 42 && ran.code !== 43 && ran.code !== 0, String(ran.code))
}

/** An abstract name and a port of the machine itself, which no command reaches. */
const listening = (where: string | { readonly port: number; readonly host: string }): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.end("reached\n"))
    server.once("error", reject)
    server.listen(where, () => resolve(server))
  })

const tryOthers = async (attack: Attack, first: ProjectRef, second: ProjectRef) => {
  const servers = [await listening("\0rdev-attack-machine"), await listening({ port: 0, host: "127.0.0.1" })]
  const address = servers[1]?.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  try {
    const path = `/projects/${first.name}/workspace/execs`
    // Offers itself in every way that two processes of one machine can meet.
    const offer = `
      use Socket; $| = 1; $0 = "token-of-the-first";
      socket(A, AF_UNIX, SOCK_STREAM, 0); bind(A, pack("S a*", AF_UNIX, "\\0rdev-attack-first")); listen(A, 5);
      socket(T, AF_INET, SOCK_STREAM, 0); bind(T, sockaddr_in(47911, INADDR_ANY)); listen(T, 5);
      shmget(0x5ec2e7, 4096, 01666); msgget(0x5ec2e7, 01666); semget(0x5ec2e7, 1, 01666);
      open(F, ">", "/tmp/rdev-attack-first"); open(G, ">", "/dev/shm/rdev-attack-first"); open(H, ">", "/home/agent/rdev-attack-first"); print "offered\\n"; sleep 50`
    const started = String(
      (await attack.must("POST", path, { body: { command: ["perl", "-e", offer], timeout_seconds: 55 } }))["id"]
    )
    for (
      let i = 0;
      i < 100 &&
      !(await attack.events(first, `exec_id=${started}`)).some((event) => JSON.stringify(event).includes("offered"));
      i++
    )
      await new Promise((resolve) => setTimeout(resolve, 100))
    const look = `
      use Socket; $| = 1;
      for my $name ("rdev-attack-first", "rdev-attack-machine") { socket(A, AF_UNIX, SOCK_STREAM, 0); print "abstract $name ", (connect(A, pack("S a*", AF_UNIX, "\\0$name")) ? "reached" : "no"), "\\n" }
      for my $port (47911, ${port}, ${attack.server.port}) { for my $host ("127.0.0.1", "127.0.0.2", "0.0.0.0") { socket(T, AF_INET, SOCK_STREAM, 0); print "port $port $host ", (connect(T, sockaddr_in($port, inet_aton($host))) ? "reached" : "no"), "\\n" } }
      print "shared memory ", (defined shmget(0x5ec2e7, 4096, 0) ? "reached" : "no"), "\\n"; print "messages ", (defined msgget(0x5ec2e7, 0) ? "reached" : "no"), "\\n"; print "semaphores ", (defined semget(0x5ec2e7, 1, 0) ? "reached" : "no"), "\\n";
      for my $file ("/tmp/rdev-attack-first", "/dev/shm/rdev-attack-first", "/home/agent/rdev-attack-first") { print "file $file ", (-e $file ? "reached" : "no"), "\\n" }
      my $seen = 0; for my $p (glob "/proc/[0-9]*") { open(my $c, "<", "$p/cmdline") or next; my $t = <$c> // ""; $seen = 1 if $t =~ /token-of-the-first/ } print "processes ", ($seen ? "reached" : "no"), "\\n";
      my $killed = 0; for (2 .. 70000) { next if $_ == $$ || $_ == getppid(); $killed++ if kill(0, $_) && !-d "/proc/$_" } print "signals ", ($killed ? "reached" : "no"), "\\n";
      open(U, "<", "/proc/net/unix"); print "list of sockets ", ((grep /rdev-attack/, <U>) ? "reached" : "no"), "\\n"; open(N, "<", "/proc/net/tcp"); print "list of ports ", ((grep /:BB27/, <N>) ? "reached" : "no"), "\\n"; print "done\\n"`
    for (const [who, project] of [
      ["another project", second],
      ["another command of the project", first]
    ] as const) {
      const found = await attack.exec(project, `cat >look.pl <<'X'\n${look}\nX\nperl look.pl`)
      attack.held(`${who} has looked at all`, found.output.split("\n").includes("done"), found.output)
      for (const line of found.output.split("\n").filter((text) => text !== "done" && text !== "")) {
        // A home is one for all commands of a workspace.
        if (project === first && line.startsWith("file /home/agent")) continue
        attack.held(`${who}: ${line.replace(/ \S+$/, "")}`, line.endsWith(" no"), line)
      }
    }
    attack.held("the first runs on", (await attack.must("GET", `${path}/${started}`))["state"] === "running")
    await attack.must("POST", `${path}/${started}/kill`)
  } finally {
    for (const server of servers) server.close()
  }
}

export const kind: Kind = {
  name: "kernel-surface",
  promise:
    "A command reaches no kernel code that builds do not need, nothing of the machine and nothing of other projects",
  run: async (attack) => {
    const [first, second] = [await attack.project(), await attack.project()]
    await tryCalls(attack, first)
    await tryScripts(attack, first)
    await tryOldCalls(attack, first)
    await tryOthers(attack, first, second)
    const after = await attack.api("GET", "/readyz", { key: null })
    attack.held("the server is ready afterwards", after.status === 200, after.text)
  }
}
