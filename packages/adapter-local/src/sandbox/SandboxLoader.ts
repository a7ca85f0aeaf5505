/**
 * The last step before a command: a small program that gives up what a process inherits and becomes the command. It closes every
 * descriptor above 2, sets signals, umask, priority, scheduling, personality, session keyring and limits to what this adapter says, loads the
 * filter of system calls and only then takes on the command's own environment: `LD_PRELOAD` and its like would run before the walls stand.
 *
 * perl is part of every Debian and starts in a few milliseconds; python3 is the second choice. A POSIX shell can neither
 * close a descriptor above 9 nor load a filter. Pure text.
 */
import { quote } from "./SandboxScript.ts"
import { type Architecture, numbersOf } from "./Seccomp.ts"

/** Names of the command's variables until the last moment; nothing reads such a name by itself. */
export const prefix = "RDEV_E_"

export interface Rlimit {
  readonly name: string
  readonly number: number
  readonly soft: number
  readonly hard: number
}

export interface Settings {
  readonly architecture: Architecture
  readonly rlimits: ReadonlyArray<Rlimit>
  /** Program for the kernel, or null: no filter, and the command may gain privileges as set-uid programs do. */
  readonly filter: Buffer | null
  /** Lowest niceness that a command has. */
  readonly nice: number
}

export type Language = "perl" | "python3"
export interface Loader {
  readonly language: Language
  readonly program: string
}

/** `rt_sigprocmask`; the only number that nothing else needs. */
const maskNumber = (architecture: Architecture) => (architecture === "x64" ? 14 : 135)

const perl = ({ architecture, filter, nice, rlimits }: Settings): string => {
  const number = numbersOf(architecture)
  return `
sub must { my ($what, @call) = @_; return if syscall(shift @call, @call) != -1; syswrite(REPORT, "loader $what: $!\\n"); exit 127 }
open(REPORT, ">&=4") or exit 127;
if (syscall(${number.closeRange}, 3, 3, 0) == -1 || syscall(${number.closeRange}, 5, 4294967295, 0) == -1) {
  opendir(my $d, "/proc/self/fd") or exit 127; my @open = readdir $d; closedir $d;
  for (@open) { syscall(${number.close}, $_ + 0) if /^\\d+$/ && $_ > 2 && $_ != 4 }
}
$SIG{$_} = "DEFAULT" for keys %SIG;
my $none = pack("Q", 0); syscall(${maskNumber(architecture)}, 2, $none, 0, 8);
umask 18;
my $plain = pack("i", 0); syscall(${number.setScheduler}, 0, 0, $plain); syscall(${number.setIoPriority}, 1, 0, 0);
setpriority(0, 0, ${nice}) if getpriority(0, 0) < ${nice};
syscall(${number.personality}, 0);
syscall(${number.keyctl}, 1, 0);
for ([${rlimits.map(({ hard, name, number: resource, soft }) => `"${name}", ${resource}, ${soft}, ${hard}`).join("], [")}]) {
  my ($name, $resource, $soft, $hard) = @$_; my $limit = pack("QQ", $soft, $hard); must("limit of $name", ${number.prlimit}, 0, $resource, $limit, 0);
}
${
  filter === null
    ? ""
    : `must("no new privileges", ${number.prctl}, 38, 1, 0, 0, 0);
my $filter = pack("H*", "${filter.toString("hex")}"); my $program = pack("SxxxxxxP", ${filter.byteLength / 8}, $filter);
must("filter of system calls", ${number.seccomp}, 1, 0, $program);`
}
my %own; for (keys %ENV) { $own{substr($_, ${prefix.length})} = $ENV{$_} if index($_, "${prefix}") == 0 }
%ENV = %own;
syswrite(REPORT, "ok\\n"); close(REPORT);
exec { $ARGV[0] } @ARGV;
exit 126;
`.trim()
}

const python = ({ architecture, filter, nice, rlimits }: Settings): string => {
  const number = numbersOf(architecture)
  return `
import ctypes, errno, os, signal, struct, sys
c = ctypes.CDLL(None, use_errno=True).syscall
def call(*given): return c(*[ctypes.c_long(one) if isinstance(one, int) else one for one in given])
def must(what, *given):
  if call(*given) == -1:
    os.write(4, ("loader %s: %s\\n" % (what, os.strerror(ctypes.get_errno()))).encode()); os._exit(127)
if call(${number.closeRange}, 3, 3, 0) == -1 or call(${number.closeRange}, 5, 4294967295, 0) == -1:
  for one in os.listdir("/proc/self/fd"):
    if int(one) > 2 and int(one) != 4: call(${number.close}, int(one))
for one in signal.valid_signals():
  try: signal.signal(one, signal.SIG_DFL)
  except (OSError, ValueError): pass
signal.pthread_sigmask(signal.SIG_SETMASK, [])
os.umask(18)
call(${number.setScheduler}, 0, 0, ctypes.byref(ctypes.c_int(0))); call(${number.setIoPriority}, 1, 0, 0)
if os.getpriority(0, 0) < ${nice}: os.setpriority(0, 0, ${nice})
call(${number.personality}, 0)
call(${number.keyctl}, 1, 0)
for name, resource, soft, hard in [${rlimits.map(({ hard, name, number: resource, soft }) => `("${name}", ${resource}, ${soft}, ${hard})`).join(", ")}]:
  must("limit of " + name, ${number.prlimit}, 0, resource, ctypes.c_char_p(struct.pack("QQ", soft, hard)), 0)
${
  filter === null
    ? ""
    : `must("no new privileges", ${number.prctl}, 38, 1, 0, 0, 0)
kept = ctypes.create_string_buffer(bytes.fromhex("${filter.toString("hex")}"))
must("filter of system calls", ${number.seccomp}, 1, 0, ctypes.c_char_p(struct.pack("HxxxxxxQ", ${filter.byteLength / 8}, ctypes.addressof(kept))))`
}
own = {name[${prefix.length}:]: value for name, value in os.environb.items() if name.startswith(b"${prefix}")}
os.write(4, b"ok\\n"); os.close(4)
words = [os.fsencode(one) for one in sys.argv[1:]]
try: os.execve(words[0], words, own)
except OSError as cause:
  if cause.errno == errno.ENOEXEC: os.execve("/bin/sh", [b"/bin/sh"] + words, own)
os._exit(126)
`.trim()
}

/** The words of a shell that stand before the program and its arguments. */
export const words = ({ language, program }: Loader, settings: Settings): string =>
  language === "perl"
    ? `${quote(program)} -e ${quote(perl(settings))} --`
    : `${quote(program)} -I -S -c ${quote(python(settings))}`
