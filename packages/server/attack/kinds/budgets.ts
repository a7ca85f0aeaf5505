/** One project uses as much as it can of everything; it is told why it ended, and its neighbour goes on. */
import type { Attack, Kind, ProjectRef } from "../Attack.ts"

const path = (project: ProjectRef) => `/projects/${project.name}/workspace/execs`

interface Bomb {
  readonly what: string
  readonly script: string
  /** Any of these is the promised end. */
  readonly ends: ReadonlyArray<"oom" | "disk" | "refused inside">
}
/** The limits are below, in `environment`: no bomb gets past 1 GB of memory or 500 MB of files, whatever holds. */
const bombs: ReadonlyArray<Bomb> = [
  {
    what: "memory of one process",
    ends: ["oom", "refused inside"],
    script: "perl -e '$x .= \"a\" x 1e7 for 1..60; sleep 9' || exit 9; exit 9"
  },
  {
    what: "memory of many processes",
    ends: ["oom"],
    script: "for i in 1 2 3 4 5 6 7 8; do perl -e '$x = \"a\" x 6e7; sleep 9' & done; wait; exit 9"
  },
  {
    what: "/tmp",
    ends: ["oom", "refused inside"],
    script: "head -c 500000000 /dev/zero >/tmp/fill || exit 9; sleep 9"
  },
  {
    what: "/dev/shm",
    ends: ["oom", "refused inside"],
    script: "head -c 500000000 /dev/zero >/dev/shm/fill || exit 9; sleep 9"
  },
  {
    what: "names in /tmp",
    ends: ["oom", "refused inside"],
    script: 'perl -e \'for (1..300000) { open(F, ">", "/tmp/$_") or exit 9; close F } sleep 9\'; exit 9'
  },
  { what: "one file", ends: ["disk"], script: "head -c 400000000 /dev/zero >big; sleep 9; exit 9" },
  {
    what: "a file that is deleted and open",
    ends: ["disk"],
    script: "exec 5>gone; rm gone; head -c 400000000 /dev/zero >&5; sleep 9; exit 9"
  },
  {
    what: "many small files",
    ends: ["disk"],
    script: 'perl -e \'for (1..8000) { open(F, ">", "f$_"); print F "x"; close F } sleep 9\'; exit 9'
  },
  { what: "many folders", ends: ["disk"], script: "perl -e 'for (1..8000) { mkdir \"d$_\" } sleep 9'; exit 9" },
  {
    what: "copies of itself",
    ends: ["refused inside"],
    script: "bomb() { bomb | bomb & }; bomb 2>/dev/null; sleep 2; exit 9"
  },
  {
    what: "copies in sessions of their own",
    ends: ["refused inside"],
    script:
      "perl -e 'for (1..5000) { my $p = fork; last unless defined $p; if ($p == 0) { syscall(112); sleep 2; exit 0 } } sleep 2'; exit 9"
  }
]

const end = async (attack: Attack, project: ProjectRef, id: string, seconds: number) => {
  let ended = await attack.must("GET", `${path(project)}/${id}?wait=${Math.min(seconds, 30)}`)
  for (let left = seconds - 30; ended["state"] !== "exited" && left > 0; left -= 30)
    ended = await attack.must("GET", `${path(project)}/${id}?wait=${Math.min(left, 30)}`)
  return ended
}

/** Others ask and run commands until the bomb is over, and once afterwards. */
const beside = async (attack: Attack, neighbour: ProjectRef, what: string, isOver: () => boolean) => {
  let [asked, failed] = [0, ""]
  do {
    const listed = await attack.api("GET", "/projects")
    if (listed.status !== 200) failed = `GET /projects: ${listed.status}`
    const ran = await attack.exec(neighbour, "echo alive >f && cat f && rm f", { timeoutSeconds: 20 })
    if (ran.code !== 0 || !ran.output.includes("alive")) failed = `a command: ${String(ran.code)} ${ran.output}`
    asked++
  } while (!isOver())
  attack.held(`the neighbour works beside ${what}`, asked > 0 && failed === "", failed)
}

const tryBomb = async (attack: Attack, project: ProjectRef, neighbour: ProjectRef, bomb: Bomb) => {
  const started = await attack.api("POST", path(project), {
    body: { command: ["sh", "-c", bomb.script], timeout_seconds: 25 }
  })
  attack.held(`${bomb.what} is started`, started.status === 201, started.text)
  if (started.status !== 201) return
  let over = false
  const ending = end(attack, project, String(started.json?.["id"]), 60).finally(() => {
    over = true
  })
  await beside(attack, neighbour, bomb.what, () => over)
  const { detail, exit_code: code, reason } = await ending
  const how = reason === "oom" || reason === "disk" ? reason : code === 9 ? "refused inside" : "another"
  attack.held(
    `${bomb.what} ends as ${bomb.ends.join(" or ")}`,
    bomb.ends.some((one) => one === how),
    JSON.stringify({ reason, detail, code })
  )
  if (how === "oom" || how === "disk")
    attack.held(`${bomb.what} is told with the limit`, /MiB|files and folders/.test(String(detail)), String(detail))
  if (how !== "disk") return
  // Over its quota a workspace starts nothing but what puts it right; the words say so.
  const refused = await attack.api("POST", path(project), { body: { command: ["sh", "-c", "true"] } })
  attack.held(
    `after ${bomb.what} a start is refused with the way out, or fits again`,
    refused.status === 201 || (refused.status >= 400 && refused.status < 600 && /\brm\b/.test(refused.text)),
    `${refused.status} ${refused.text}`
  )
  const cleared = await attack.must("POST", path(project), {
    body: { command: ["rm", "-rf", "/workspace", "/home/agent/big"], timeout_seconds: 25 }
  })
  await end(attack, project, String(cleared["id"]), 30)
  const again = await attack.exec(project, "echo again", { timeoutSeconds: 20 })
  attack.held(`after ${bomb.what} and rm it works again`, again.output === "again", again.output)
}

/** 64 sleepers of one project: some run, the rest wait and are refused with its own limit; nobody else notices. */
const tryPlaces = async (attack: Attack, project: ProjectRef, neighbour: ProjectRef) => {
  let over = false
  const sleepers = Promise.all(
    Array.from({ length: 64 }, () =>
      attack.api("POST", path(project), { body: { command: ["sleep", "60"], timeout_seconds: 61 } })
    )
  ).finally(() => {
    over = true
  })
  await beside(attack, neighbour, "64 sleeping commands", () => over)
  const answers = await sleepers
  const running = answers.filter(({ status }) => status === 201)
  attack.held("as many run as a project may have", running.length === 6, String(running.length))
  for (const answer of answers.filter(({ status }) => status !== 201)) {
    attack.held(
      "who finds no place is told that it is the project's own limit",
      answer.status === 429 && answer.text.includes("RDEV_PROJECT_EXECS"),
      `${answer.status} ${answer.text}`
    )
  }
  await beside(attack, neighbour, "those that sleep", () => true)
  for (const { json } of running) await attack.must("POST", `${path(project)}/${String(json?.["id"])}/kill`)
  const after = await attack.exec(project, "echo free")
  attack.held("the places are free again", after.output === "free", after.output)
  const key = await attack.newKey({ scopes: ["sessions:execute", "sessions:read"], projects: [neighbour.name] })
  const theirs = await attack.api("POST", path(project), { key: key.key, body: { command: ["true"] } })
  attack.held(
    "a key of another project takes no place",
    theirs.status === 403 || theirs.status === 404,
    String(theirs.status)
  )
}

export const kind: Kind = {
  name: "budgets",
  promise: "What one project uses up is its own: it is told which limit, and others go on",
  environment: {
    RDEV_PROJECT_MEMORY_MIB: "256",
    RDEV_PROJECT_PROCESSES: "120",
    RDEV_PROJECT_DISK_MIB: "100",
    RDEV_PROJECT_FILES: "2000",
    RDEV_PROJECT_EXECS: "6",
    RDEV_EXECS: "12",
    RDEV_EXECS_WAIT_SECONDS: "1"
  },
  run: async (attack) => {
    const [project, neighbour] = [await attack.project(), await attack.project()]
    for (const bomb of bombs) await tryBomb(attack, project, neighbour, bomb)
    await tryPlaces(attack, project, neighbour)
    for (const check of ["/health", "/readyz"]) {
      const answer = await attack.api("GET", check, { key: null })
      attack.held(`${check} is well afterwards`, answer.status === 200, answer.text)
    }
  }
}
