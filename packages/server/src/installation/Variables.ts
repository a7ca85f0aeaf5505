/** Every variable that servers, workers and commands read, for documentation; tests compare it with the sources. */

import * as Admission from "../Admission.ts"

export interface Variable {
  readonly name: string
  /** As it is without it; empty = nothing. */
  readonly fallback: string
  readonly meaning: string
  readonly secret?: true
}
const execs = Admission.defaults
const one = (name: string, fallback: string, meaning: string): Variable => ({ name, fallback, meaning })
const secret = (name: string, fallback: string, meaning: string): Variable => ({
  name,
  fallback,
  meaning,
  secret: true
})

/** Those of the server and its workers. Adapters' own stand with their keys. */
export const server: ReadonlyArray<Variable> = [
  one("RDEV_PLATFORM", "`./platform.yaml`, where there is one", "the platform file"),
  one("RDEV_HOST", "127.0.0.1", "address that is listened on"),
  one("RDEV_PORT", "4848", "port; 0 = any free one"),
  one("RDEV_DATA_DIR", "`.rdev`", "database, repositories, releases, keys"),
  one("RDEV_KEY_LABEL", "local", "middle part of new API keys; also read as RDEV_ENV, its former name"),
  one("RDEV_DOMAIN", "localhost", "projects are `<project>.<domain>`"),
  one("RDEV_PUBLIC_URL", "", "where people and forges reach the server, behind a proxy"),
  one("RDEV_ISSUE_LABEL", "rdev", "the label that makes a feature of a forge's issue"),
  one("RDEV_ALLOWED_HOSTS", "", "further values of the Host header, separated by commas"),
  one("RDEV_ALLOWED_ORIGINS", "", "further origins of pages, separated by commas"),
  one(
    "RDEV_SOURCE_ALLOW",
    "",
    "names, addresses and ranges that repositories may be brought in from although they are not public, and over plain http"
  ),
  one(
    "RDEV_SOURCE_TOKEN",
    "",
    "token for repositories that are brought in, and so is every variable whose name begins with this; requests name the variable"
  ),
  one("RDEV_AUTH", "keys", "`off` asks for no key, on loopback only"),
  one("RDEV_WORKER_CAPACITY", "4", "tasks at once in this process; 0 = it only answers"),
  one("RDEV_AGENT", "scripted", "agent of projects that name none"),
  one("RDEV_UNSAFE_HOST", "false", "run commands without isolation where there is none"),
  one(
    "RDEV_PROJECT_NETWORK",
    "loopback",
    "network of releases and of the projects' own workspaces; `internet` is the machine's"
  ),
  one("RDEV_DRAIN_SECONDS", "10", "how long a stop waits"),
  one("RDEV_RATE_LIMIT", "60000", "requests per key and minute, as many at once; 0 = no limit"),
  one("RDEV_EXECS", String(execs.total), "commands at once"),
  one("RDEV_PROJECT_EXECS", String(execs.perProject), "of one project"),
  one("RDEV_KEY_EXECS", String(execs.perKey), "of one key"),
  one("RDEV_EXECS_WAITING", String(execs.waiting), "commands that wait for a place"),
  one("RDEV_EXECS_WAIT_SECONDS", String(execs.waitMillis / 1000), "how long they wait"),
  one("RDEV_PROJECT_MEMORY_MIB", "half of the machine's, 1 to 8 GiB", "memory of a project's commands together"),
  one("RDEV_PROJECT_PROCESSES", "4096", "processes of a project"),
  one("RDEV_PROJECT_DISK_MIB", "10240", "files of a project"),
  one("RDEV_PROJECT_FILES", "500000", "names of files of a project"),
  one("RDEV_DISK_RESERVE_MIB", "5 %, at most 1 GiB", "room on the disk that projects may not use"),
  secret("RDEV_KEY_PEPPER", "a file in the data folder", "32 bytes that hash API keys; replicas share it"),
  secret("RDEV_PLATFORM_KEY", "a file in the data folder", "signs what the platform records; replicas share it"),
  one(
    "RDEV_AGENTS",
    "scripted, claude, opencode, codex",
    "agents as JSON, or the path of a file with them; see [agents](adapters/agents.md)"
  ),
  one("RDEV_LOG_LEVEL", "warn", "debug, info, warn, error, none")
]

/** Those of the command line. */
export const commands: ReadonlyArray<Variable> = [
  one("RDEV_URL", "the server of the data folder, else http://127.0.0.1:4848", "server that commands ask"),
  secret("RDEV_API_KEY", "`admin.key` in the data folder", "key that commands use"),
  one("RDEV_DEBUG", "", "any value: a failed command shows its stack trace")
]

/** Read by nobody who runs a server: given by rdev to what it starts, or for its own tests. */
export const inner: ReadonlyArray<string> = [
  "RDEV_ACTION",
  "RDEV_BASE",
  "RDEV_CI",
  "RDEV_ENV",
  "RDEV_EXEC",
  "RDEV_FEATURE",
  "RDEV_MODEL_SEED",
  "RDEV_MOUNTS",
  "RDEV_PLAN_TASK",
  "RDEV_RELAY",
  "RDEV_ROOT",
  "RDEV_SOCKET",
  "RDEV_SUITE_CANARY"
]
