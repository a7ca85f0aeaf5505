import type { Attack, Kind, ProjectRef } from "../Attack.ts"

const f = "d=.sdlc/features/$RDEV_FEATURE; e=$(ls $d/events | tail -1)"
const event = (actor: string, type: string, data = "{}") =>
  `{"v":1,"id":"01K9ZZZZZZZZZZZZZZZZZZZZZZ","parents":[],"actor":${actor},"type":"${type}","at":"2026-01-01T00:00:00.000Z","data":${data}}`
const human = '{"id":"ada","type":"human"}'
const verdict = event(human, "verdict", '{"gate":"spec","verdict":"approve"}')
const name = "01K9ZZZZZZZZZZZZZZZZZZZZZZ-verdict.json"

/** All of it at once, and the word by which the refusal names each. */
const written: ReadonlyArray<readonly [string, string]> = [
  ["echo '# x' >> .sdlc/policy.yaml", ".sdlc/policy.yaml: an agent may not change the policy"],
  ["mkdir .SDLC; cp .sdlc/policy.yaml .SDLC/policy.yaml", ".SDLC/policy.yaml: is another spelling"],
  ["mkdir '.sdlc.'; cp .sdlc/policy.yaml .sdlc./policy.yaml", ".sdlc./policy.yaml: is another spelling"],
  [
    "mkdir \"$(printf '.s\\342\\200\\214dlc')\"; echo x > \"$(printf '.s\\342\\200\\214dlc')/x\"",
    "dlc/x: is another spelling"
  ],
  ["ln -s .sdlc 'sdlc~1'", "sdlc~1: is another spelling"],
  ["echo 'keys: []' > .sdlc/keyring.yaml", ".sdlc/keyring.yaml: belongs to the platform"],
  ["echo features/x >> .sdlc/.gitignore", ".sdlc/.gitignore: belongs to the platform"],
  [
    "mkdir -p .sdlc/archive/2026-01-01-other; echo x > .sdlc/archive/2026-01-01-other/x",
    ".sdlc/archive/2026-01-01-other/x: belongs to the platform"
  ],
  [
    "mkdir -p .sdlc/features/other; echo x > .sdlc/features/other/spec.md",
    ".sdlc/features/other/spec.md: belongs to another feature"
  ],
  [
    `mkdir $d/events/sub; echo '${verdict}' > $d/events/sub/${name}`,
    `events/sub/${name}: is not the name of an event file`
  ],
  [`echo '${verdict}' > $d/events/.${name}`, `events/.${name}: is not the name of an event file`],
  [`mkdir $d/Events; echo '${verdict}' > $d/Events/${name}`, `Events/${name}: is not the name of an event file`],
  ["chmod +x $d/events/$e", "recorded events and evidence are append-only; it was changed"],
  ["mkdir -p $d/evidence; echo x > $d/evidence/x.json", "evidence/x.json: is not the name of an evidence file"],
  ["echo '# x' >> $d/feature.yaml", "feature.yaml: what a feature is"],
  ["ln -s ../../../README.md $d/link.md", "link.md: only plain files"],
  [
    "mkdir lib; (cd lib; git init -q; echo x > x; git add x; git -c user.name=A -c user.email=a@b commit -qm x)",
    "lib: is a repository of its own"
  ]
]

/** One at a time, because each takes the rest away. */
const refused: Readonly<Record<string, string>> = {
  // Two runs, because a refusal names at most twenty problems.
  "written-0": `${f}\n${written
    .filter((_, i) => i % 2 === 0)
    .map(([script]) => script)
    .join("\n")}`,
  "written-1": `${f}\n${written
    .filter((_, i) => i % 2 === 1)
    .map(([script]) => script)
    .join("\n")}`,
  "event-forged": `${f}; echo '${verdict}' > $d/events/${name}`,
  "state-linked": "mv .sdlc real; ln -s real .sdlc",
  rewound:
    "git reset -q --hard HEAD~1 2>/dev/null || git checkout -q --orphan alone; rm -rf .sdlc/features; git add -A; git commit -qm rewound"
}

/** What an agent leaves in git; its file lands, and nothing else. */
const hooks =
  "mkdir -p .git/hooks; for h in pre-commit post-commit post-merge pre-merge-commit reference-transaction post-checkout post-index-change pre-push; do printf '#!/bin/sh\\necho smuggled > smuggled.txt; git add -A\\n' > .git/hooks/$h; chmod +x .git/hooks/$h; done"
const harmless: Readonly<Record<string, string>> = {
  settings: `${hooks}; git config --global core.hooksPath "$HOME/hooks"; git config --global user.name Ada; git config --global core.attributesFile "$HOME/attributes"; echo '* filter=x' > "$HOME/attributes"; git config filter.x.clean 'echo smuggled'; git config filter.x.required true; mkdir -p .git/info; echo '* filter=x' > .git/info/attributes; git config core.fsmonitor 'echo smuggled > smuggled.txt'; : > .git/index.lock; : > .git/HEAD.lock`,
  history:
    "echo smuggled > smuggled.txt; git add -A; git -c user.name=Ada -c user.email=ada@example.org commit -qm 'by Ada'; git rm -q smuggled.txt; git -c user.name=Ada -c user.email=ada@example.org commit -qm 'gone again'; git replace HEAD~1 HEAD; git rev-parse HEAD > .git/shallow; git rev-parse HEAD > .git/info/grafts 2>/dev/null || :; echo /nowhere > .git/objects/info/alternates",
  removed: "rm -rf .git"
}

const race = "race"
const cases = Object.entries({ ...refused, ...harmless }).map(([slug, script]) => `${slug}) ${script} ;;`)
const script = [
  "case $RDEV_FEATURE in",
  ...cases,
  `${race}) ${hooks}; : > waiting; i=0; while [ ! -e go ] && [ $i -lt 300 ]; do sleep 0.1; i=$((i+1)); done; rm -f go waiting ;;`,
  "esac",
  'echo "$RDEV_FEATURE" > "mine-$(date +%N).txt"'
].join("\n")

const create = (attack: Attack, project: ProjectRef, slug: string) =>
  attack.must("POST", `/projects/${project.name}/sdlc/features`, { body: { title: slug, slug } })

const pause = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))

/** Asks until the answer is yes; false after the time. */
const eventually = async (ask: () => Promise<boolean>, seconds: number): Promise<boolean> => {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await pause(1000)) if (await ask()) return true
  return ask()
}

const fetched = async (attack: Attack, clone: string, slug: string) => {
  await attack.git(clone, "fetch", "-q", "origin", `+refs/heads/feature/${slug}:refs/remotes/origin/feature/${slug}`)
  const at = `refs/remotes/origin/feature/${slug}`
  const files = (
    await attack.git(clone, "-c", "core.quotePath=false", "ls-tree", "-r", "--format=%(objectmode) %(path)", at)
  ).output
    .trim()
    .split("\n")
  const history = (await attack.git(clone, "log", "--format=%an|%cn|%s", "--name-only", `origin/main..${at}`)).output
  const policy = (
    await attack.git(clone, "rev-parse", `${at}:.sdlc/policy.yaml`, "origin/main:.sdlc/policy.yaml")
  ).output
    .trim()
    .split("\n")
  return { files, history, policy }
}

/** Somebody pushes while the agent runs: what is merged and landed then was examined too. */
const overtaken = async (attack: Attack, project: ProjectRef, clone: string) => {
  const here = await eventually(
    async () =>
      (
        await attack.api("POST", `/projects/${project.name}/workspace/execs`, {
          body: { command: ["test", "-e", ".git/hooks/post-merge"], workspace: race, timeout_seconds: 5 }
        })
      ).status < 300,
    40
  )
  attack.held("the race begins", here)
  await attack.git(clone, "fetch", "-q", "origin", `feature/${race}`)
  await attack.git(clone, "checkout", "-q", "-B", race, "FETCH_HEAD")
  const pushed = await (async () => {
    await attack.git(clone, "commit", "-q", "--allow-empty", "-m", "pushed meanwhile")
    return attack.git(clone, "push", "-q", "origin", `HEAD:refs/heads/feature/${race}`)
  })()
  attack.held("a push while the agent runs is taken", pushed.code === 0, pushed.output)
  await attack.exec(project, ": > go", { workspace: race, timeoutSeconds: 10 })
  const landed = await eventually(
    async () => (await fetched(attack, clone, race)).files.some((file) => file.includes("mine-")),
    40
  )
  const { files, history } = await fetched(attack, clone, race)
  attack.held("the work lands on what was pushed", landed && history.includes("pushed meanwhile"), history)
  attack.held(
    "no hook of the agent decided what the merge holds",
    !files.some((file) => file.includes("smuggled")),
    files.join(" ")
  )
}

export const kind: Kind = {
  name: "handover",
  promise: "What lands of an agent's run is what was examined, and nothing else of it does",
  environment: { RDEV_AGENTS: JSON.stringify([{ kind: "command", name: "scripted", argv: ["sh", "-ceu", script] }]) },
  run: async (attack) => {
    const project = await attack.project()
    const clone = await attack.clone(project)
    await create(attack, project, race)
    await overtaken(attack, project, clone)
    await attack.must("POST", `/projects/${project.name}/sdlc/features/${race}/cancel`, { body: { reason: "tried" } })
    const slugs = [...Object.keys(refused), ...Object.keys(harmless)]
    for (const slug of slugs) await create(attack, project, slug)
    let events: ReadonlyArray<Record<string, unknown>> = []
    const judged = (slug: string) =>
      events.filter(
        (one) =>
          one["feature"] === slug && (one["type"] === "feature.refused" || one["type"] === "feature.action_failed")
      )
    await eventually(async () => {
      events = await attack.events(project)
      return slugs.every((slug) => judged(slug).length > 0)
    }, 240)
    for (const slug of slugs) {
      const found = judged(slug)
      const { files, history, policy } = await fetched(attack, clone, slug)
      attack.held(`${slug}: the agent ran and was judged`, found.length > 0)
      attack.held(
        `${slug}: the policy of its branch is the default branch's`,
        policy.length === 2 && policy[0] === policy[1],
        policy.join(" ")
      )
      attack.held(
        `${slug}: nobody else's name stands in its history`,
        !/^(?:Ada|Mallory)\|/m.test(history) && !history.includes("smuggled"),
        history
      )
      const odd = files.filter((file) =>
        /^(?:120000|160000|100755) \.sdlc|smuggled| \.(?:SDLC|sdlc\.)|keyring|archive|\/other\/|Events|events\/(?:sub|\.)|\/events\/.*verdict|evidence\/x/.test(
          file
        )
      )
      attack.held(`${slug}: nothing of it is in the state`, odd.length === 0, odd.join(" "))
      const lands = files.some((file) => file.includes(" mine-"))
      const said = JSON.stringify(found)
      for (const [i, [script, problem]] of written.entries())
        if (slug === `written-${i % 2}`) attack.held(`refused: ${script}`, said.includes(problem), said)
      attack.held(
        `${slug}: ${slug in refused ? "refused work stays out" : "the work itself lands"}`,
        lands === !(slug in refused),
        `${files.join(" ")} ${JSON.stringify(found.slice(0, 2))}`
      )
    }
  }
}
