/**
 * The system calls that a command may not make, as a program for the kernel's filter (seccomp, classic BPF). Pure: tables of numbers in, bytes out.
 *
 * It is a list of refusals, not of permissions: compilers, package managers, databases and browsers must run. Refused is what reaches kernel
 * code that no build needs and most escapes came through (new user namespaces, io_uring, mounts, bpf, perf, keyrings, other
 * processes' memory), and every call younger than this list. `ENOSYS` where libraries then take another way, else `EPERM`.
 */
export type Architecture = "x64" | "arm64"
type Numbers = Readonly<Record<Architecture, number | null>>

export const errno = { EPERM: 1, ENOSYS: 38, EPROTONOSUPPORT: 93, EAFNOSUPPORT: 97 } as const
type Errno = keyof typeof errno

const both = (x64: number | null, arm64: number | null): Numbers => ({ x64, arm64 })
/** From 424 on all architectures share the numbers. */
const shared = (number: number): Numbers => ({ x64: number, arm64: number })

/** Refused whatever their arguments; null where an architecture does not have the call. */
export const refused: Readonly<Record<string, { readonly numbers: Numbers; readonly error: Errno }>> =
  Object.fromEntries([
    ...Object.entries({
      ptrace: both(101, 117),
      process_vm_readv: both(310, 270),
      process_vm_writev: both(311, 271),
      kcmp: both(312, 272),
      pidfd_getfd: shared(438),
      process_madvise: shared(440),
      add_key: both(248, 217),
      request_key: both(249, 218),
      keyctl: both(250, 219),
      mount: both(165, 40),
      umount2: both(166, 39),
      pivot_root: both(155, 41),
      chroot: both(161, 51),
      setns: both(308, 268),
      open_tree: shared(428),
      move_mount: shared(429),
      fsopen: shared(430),
      fsconfig: shared(431),
      fsmount: shared(432),
      fspick: shared(433),
      mount_setattr: shared(442),
      statmount: shared(457),
      listmount: shared(458),
      open_tree_attr: shared(467),
      name_to_handle_at: both(303, 264),
      open_by_handle_at: both(304, 265),
      fanotify_init: both(300, 262),
      bpf: both(321, 280),
      perf_event_open: both(298, 241),
      userfaultfd: both(323, 282),
      kexec_load: both(246, 104),
      kexec_file_load: both(320, 294),
      init_module: both(175, 105),
      finit_module: both(313, 273),
      delete_module: both(176, 106),
      reboot: both(169, 142),
      swapon: both(167, 224),
      swapoff: both(168, 225),
      acct: both(163, 89),
      quotactl: both(179, 60),
      quotactl_fd: shared(443),
      syslog: both(103, 116),
      settimeofday: both(164, 170),
      clock_settime: both(227, 112),
      clock_adjtime: both(305, 266),
      sethostname: both(170, 161),
      setdomainname: both(171, 162),
      mbind: both(237, 235),
      set_mempolicy: both(238, 237),
      migrate_pages: both(256, 238),
      move_pages: both(279, 239),
      set_mempolicy_home_node: shared(450),
      vhangup: both(153, 58),
      iopl: both(172, null),
      ioperm: both(173, null),
      modify_ldt: both(154, null)
    }).map(([name, numbers]) => [name, { numbers, error: "EPERM" }] as const),
    ...Object.entries({
      io_uring_setup: shared(425),
      io_uring_enter: shared(426),
      io_uring_register: shared(427),
      // Its flags lie behind a pointer, where no filter sees them. C libraries go back to clone.
      clone3: shared(435),
      memfd_secret: shared(447),
      lookup_dcookie: both(212, 18),
      nfsservctl: both(180, 42),
      uselib: both(134, null),
      ustat: both(136, null),
      sysfs: both(139, null),
      _sysctl: both(156, null),
      create_module: both(174, null),
      get_kernel_syms: both(177, null),
      query_module: both(178, null)
    }).map(([name, numbers]) => [name, { numbers, error: "ENOSYS" }] as const)
  ])

/** Highest number that this list knows (file_setattr, Linux 6.17): what is younger does not exist for a command. */
export const youngest = 469

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
export const namespaceFlags = 0x7e02_0000
/** The same with CLONE_NEWTIME, which in `clone` is part of the exit signal. */
export const unshareFlags = 0x7e02_0080
const families = { unix: 1, inet: 2, inet6: 10, netlink: 16 } as const
/** Transports that a kernel loads modules for: L2TP, DCCP, SCTP, UDP-Lite. */
const rareTransports = [33, 115, 132, 136] as const
/** Those of the Docker project's profile: Linux and 32-bit Linux, with and without UNAME26; and the question which one holds. */
const personalities = [0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff] as const
/** Typing into the terminal that started the server: TIOCSTI, and TIOCLINUX which pastes. */
const terminalRequests = [0x5412, 0x541c] as const

export const numbersOf = (architecture: Architecture) =>
  architecture === "x64"
    ? {
        clone: 56,
        unshare: 272,
        socket: 41,
        socketpair: 53,
        ioctl: 16,
        personality: 135,
        close: 3,
        closeRange: 436,
        keyctl: 250,
        prctl: 157,
        seccomp: 317,
        prlimit: 302,
        setScheduler: 144,
        setIoPriority: 251
      }
    : {
        clone: 220,
        unshare: 97,
        socket: 198,
        socketpair: 199,
        ioctl: 29,
        personality: 92,
        close: 57,
        closeRange: 436,
        keyctl: 219,
        prctl: 167,
        seccomp: 277,
        prlimit: 261,
        setScheduler: 119,
        setIoPriority: 30
      }

const auditArchitecture: Readonly<Record<Architecture, number>> = { x64: 0xc000_003e, arm64: 0xc000_00b7 }
/** System calls of the x32 interface carry this bit. */
const x32Bit = 0x4000_0000

const allow = 0x7fff_0000
const killProcess = 0x8000_0000
const refuse = (name: Errno): number => 0x0005_0000 | errno[name]

/** Where the kernel puts things: `struct seccomp_data`, little-endian; of arguments the lower half, which is all that is looked at. */
const offsetOf = { number: 0, architecture: 4, argument: (index: number) => 16 + 8 * index }

/** One instruction; a jump names labels, `null` = the next instruction. */
type Line =
  | { readonly op: "load"; readonly offset: number }
  | { readonly op: "return"; readonly value: number }
  | {
      readonly op: "if"
      readonly test: "equal" | "atLeast" | "anyOf"
      readonly value: number
      readonly yes: string | null
      readonly no: string | null
    }
  | { readonly op: "label"; readonly name: string }

const codes = { load: 0x20, return: 0x06, equal: 0x15, atLeast: 0x35, anyOf: 0x45 } as const

/** Labels to distances. Throws for a label that is missing, behind, or further away than the 255 that an instruction can say. */
export const assemble = (lines: ReadonlyArray<Line>): Buffer => {
  const at = new Map<string, number>()
  let index = 0
  for (const line of lines) {
    if (line.op === "label") at.set(line.name, index)
    else index++
  }
  const program = Buffer.alloc(8 * index)
  index = 0
  for (const line of lines) {
    if (line.op === "label") continue
    const here = index++
    const distance = (label: string | null): number => {
      if (label === null) return 0
      const far = (at.get(label) ?? -1) - here - 1
      if (far < 0 || far > 255) throw new Error(`the jump to ${label} cannot be made from instruction ${here}`)
      return far
    }
    const code = line.op === "if" ? codes[line.test] : codes[line.op]
    program.writeUInt16LE(code, 8 * here)
    if (line.op === "if") {
      program.writeUInt8(distance(line.yes), 8 * here + 2)
      program.writeUInt8(distance(line.no), 8 * here + 3)
    }
    program.writeUInt32LE(line.op === "load" ? line.offset : line.value >>> 0, 8 * here + 4)
  }
  return program
}

const when = (
  test: "equal" | "atLeast" | "anyOf",
  value: number,
  yes: string | null,
  no: string | null = null
): Line => ({ op: "if", test, value, yes, no })
const load = (offset: number): Line => ({ op: "load", offset })
const label = (name: string): Line => ({ op: "label", name })

/** The filter of one architecture, for `seccomp(SECCOMP_SET_MODE_FILTER)` or bubblewrap's `--seccomp`. */
export const filter = (architecture: Architecture): Buffer => {
  const number = numbersOf(architecture)
  const always = Object.values(refused).flatMap(({ error, numbers }) => {
    const value = numbers[architecture]
    return value === null ? [] : [when("equal", value, error)]
  })
  const arguments_: ReadonlyArray<Line> = [
    label("clone"),
    load(offsetOf.argument(0)),
    when("anyOf", namespaceFlags, "EPERM", "allow"),
    label("unshare"),
    load(offsetOf.argument(0)),
    when("anyOf", unshareFlags, "EPERM", "allow"),
    label("personality"),
    load(offsetOf.argument(0)),
    ...personalities.map((one) => when("equal", one, "allow")),
    when("atLeast", 0, "EPERM", "EPERM"),
    label("ioctl"),
    load(offsetOf.argument(1)),
    ...terminalRequests.map((one) => when("equal", one, "EPERM")),
    when("atLeast", 0, "allow", "allow"),
    label("socketpair"),
    load(offsetOf.argument(0)),
    when("equal", families.unix, "allow", "EAFNOSUPPORT"),
    label("socket"),
    load(offsetOf.argument(0)),
    when("equal", families.unix, "allow"),
    when("equal", families.inet, "transport"),
    when("equal", families.inet6, "transport"),
    when("equal", families.netlink, "netlink", "EAFNOSUPPORT"),
    // NETLINK_ROUTE alone: it lists a machine's interfaces.
    label("netlink"),
    load(offsetOf.argument(2)),
    when("equal", 0, "allow", "EPROTONOSUPPORT"),
    label("transport"),
    load(offsetOf.argument(2)),
    ...rareTransports.map((one) => when("equal", one, "EPROTONOSUPPORT")),
    when("atLeast", 0, "allow", "allow")
  ]
  return assemble([
    load(offsetOf.architecture),
    when("equal", auditArchitecture[architecture], null, "kill"),
    load(offsetOf.number),
    ...(architecture === "x64" ? [when("atLeast", x32Bit, "ENOSYS")] : []),
    when("atLeast", youngest + 1, "ENOSYS"),
    ...(["clone", "unshare", "personality", "ioctl", "socketpair", "socket"] as const).map((name) =>
      when("equal", number[name], name)
    ),
    ...always,
    when("atLeast", 0, "allow", "allow"),
    ...arguments_,
    ...(["EPERM", "ENOSYS", "EAFNOSUPPORT", "EPROTONOSUPPORT"] as const).flatMap((name): ReadonlyArray<Line> => [
      label(name),
      { op: "return", value: refuse(name) }
    ]),
    label("kill"),
    { op: "return", value: killProcess },
    label("allow"),
    { op: "return", value: allow }
  ])
}

/** What this machine's filter is made for; null = no filter is known for it. */
export const architectureOf = (machine: string): Architecture | null =>
  machine === "x64" || machine === "arm64" ? machine : null

/** What the kernel would answer, by running the program: for tests and for telling what is refused without making the call. */
export const evaluate = (
  program: Buffer,
  call: { readonly architecture: number; readonly number: number; readonly arguments?: ReadonlyArray<number> }
): number => {
  let [index, accumulator] = [0, 0]
  const data = (offset: number): number =>
    offset === offsetOf.number
      ? call.number
      : offset === offsetOf.architecture
        ? call.architecture
        : (call.arguments?.[(offset - 16) / 8] ?? 0)
  for (;;) {
    const [code, then, otherwise, value] = [
      program.readUInt16LE(8 * index),
      program.readUInt8(8 * index + 2),
      program.readUInt8(8 * index + 3),
      program.readUInt32LE(8 * index + 4)
    ]
    if (code === codes.return) return value
    if (code === codes.load) accumulator = data(value) >>> 0
    const holds =
      code === codes.equal
        ? accumulator === value
        : code === codes.atLeast
          ? accumulator >= value
          : (accumulator & value) !== 0
    index += 1 + (code === codes.load ? 0 : holds ? then : otherwise)
  }
}
/** `ALLOW`, `KILL` or the name of the error. */
export const meaning = (value: number): "ALLOW" | "KILL" | Errno => {
  if (value === allow) return "ALLOW"
  const name = (Object.keys(errno) as ReadonlyArray<Errno>).find((one) => refuse(one) === value)
  return name ?? "KILL"
}
export const auditOf = (architecture: Architecture): number => auditArchitecture[architecture]
