/** What a person types: at least one example of every command, shown by its `--help`. A test holds each against the command's own flags. */

export interface Example {
  readonly command: string
  readonly description?: string
}

const op = "op_01JZ0000000000000000000000"
const task = "task_01JZ0000000000000000000000"
const hook = "whk_01JZ0000000000000000000000"

/** By the words of the command; the text after `#` says what the example does. */
const lines: Readonly<Record<string, ReadonlyArray<string>>> = {
  up: ["rdev up", "rdev up --port 8080 --data-dir ~/rdev  # elsewhere", "rdev up --no-demo"],
  demo: ["rdev demo"],
  doctor: ["rdev doctor"],
  adapters: ["rdev adapters", "rdev adapters --json"],
  "projects list": ["rdev projects list"],
  "projects create": [
    "rdev projects create shop --template node-api",
    "rdev projects create shop --agent claude --description 'Sells books'",
    "rdev projects create shop --from https://git.example.org/team/shop.git"
  ],
  "projects plan": ["rdev projects plan shop --template node-api"],
  "projects show": ["rdev projects show shop"],
  "projects setup": ["rdev projects setup shop"],
  "projects delete": ["rdev projects delete shop --yes"],
  "projects credentials": ["rdev projects credentials shop"],
  "projects sync": ["rdev projects sync shop", "rdev projects sync shop --make database"],
  "components list": ["rdev components list shop", "rdev components list shop --at my-branch --json"],
  "environments list": ["rdev environments list shop"],
  "environments show": ["rdev environments show shop staging"],
  plan: ["rdev plan shop  # what is missing", "rdev plan shop --destroy  # what deleting it would take down"],
  apply: ["rdev apply shop", "rdev apply shop --destroy --yes"],
  "git-token": ["rdev git-token shop", "rdev git-token shop --write --ttl 86400  # may push, for a day"],
  "features list": ["rdev features list shop"],
  "features create": [
    "rdev features create shop 'Add a health page'",
    "rdev features create shop 'Pay by card' --description 'Visa and Mastercard' --depends-on basket"
  ],
  "features show": ["rdev features show shop add-a-health-page"],
  "features pause": ["rdev features pause shop add-a-health-page --reason 'after the fair'"],
  "features resume": ["rdev features resume shop add-a-health-page"],
  "features cancel": ["rdev features cancel shop add-a-health-page --reason 'not needed any more'"],
  "policy show": ["rdev policy show shop"],
  "policy diff": ["rdev policy diff shop"],
  "policy accept": ["rdev policy accept shop"],
  "policy reject": ["rdev policy reject shop --reason 'reviews stay'"],
  next: ["rdev next shop add-a-health-page"],
  why: ["rdev why shop add-a-health-page"],
  run: ["rdev run shop add-a-health-page --follow"],
  show: ["rdev show shop add-a-health-page", "rdev show shop add-a-health-page spec"],
  diff: [
    "rdev diff shop add-a-health-page",
    "rdev diff shop add-a-health-page src --stat",
    "rdev diff shop add-a-health-page > health.patch"
  ],
  approve: [
    "rdev approve shop add-a-health-page",
    "rdev approve shop add-a-health-page --yes  # without showing it and asking first",
    "rdev approve shop add-a-health-page --gate spec --reason 'as discussed'"
  ],
  reject: ["rdev reject shop add-a-health-page --reason 'say what healthy means'"],
  waive: ["rdev waive shop add-a-health-page --gate qa-plan --reason 'a text change'"],
  answer: ["rdev answer shop add-a-health-page 'Use the port from PORT'"],
  unblock: ["rdev unblock shop add-a-health-page task-003"],
  events: ["rdev events shop --follow", "rdev events shop --follow --after 120 --json"],
  exec: ["rdev exec shop -- npm test", "rdev exec shop --timeout 600 -- sh -c 'npm ci && npm test'"],
  "tasks list": ["rdev tasks list --project shop"],
  "tasks show": [`rdev tasks show ${task}`],
  "tasks cancel": [`rdev tasks cancel ${task}`],
  "tasks retry": [`rdev tasks retry ${task}`],
  "operations list": ["rdev operations list --project shop", "rdev operations list --status failed"],
  "operations show": [`rdev operations show ${op}`],
  "operations follow": [`rdev operations follow ${op}`],
  "operations events": [`rdev operations events ${op} --follow`],
  "operations cancel": [`rdev operations cancel ${op} --follow`],
  "operations retry": [`rdev operations retry ${op} --follow`],
  "operations answer": [`rdev operations answer ${op} yes`],
  "tree run": [
    "rdev tree run landing-page --project-name acme  # ends by deleting the project acme",
    "rdev tree run landing-page --project-name acme --var keep=true  # leaves it in place",
    "rdev tree run ./tree.yaml --project shop"
  ],
  "tree list": ["rdev tree list"],
  "tree check": ["rdev tree check ./tree.yaml"],
  "audit show": ["rdev audit show shop", "rdev audit show shop --steps"],
  "audit export": ["rdev audit export shop > shop.audit"],
  "audit verify": ["rdev audit verify shop.audit"],
  "webhooks list": ["rdev webhooks list"],
  "webhooks create": ["rdev webhooks create https://hooks.example.com/rdev --event notify --project shop"],
  "webhooks show": [`rdev webhooks show ${hook}`],
  "webhooks remove": [`rdev webhooks remove ${hook}`],
  "webhooks secret": [`rdev webhooks secret ${hook}`],
  "webhooks enable": [`rdev webhooks enable ${hook}`],
  "webhooks disable": [`rdev webhooks disable ${hook}`],
  "webhooks test": [`rdev webhooks test ${hook}`],
  "webhooks deliveries": [`rdev webhooks deliveries ${hook} --status failed`],
  "webhooks redeliver": [`rdev webhooks redeliver ${hook} msg_01JZ0000000000000000000000`],
  "keys list": ["rdev keys list"],
  "keys create": ["rdev keys create reader --scope projects:read --project shop"],
  "keys revoke": ["rdev keys revoke key_01JZ0000000000000000000000"],
  agents: ["rdev agents"],
  templates: ["rdev templates"],
  worker: ["RDEV_DATABASE_URL=postgres://… rdev worker --capacity 8"]
}

/** Examples of the command that a usage line is about, e.g. `rdev projects create [flags] <name>`. */
export const of = (usage: string): ReadonlyArray<Example> => {
  const words = /^rdev((?: [a-z][a-z-]*)*)/.exec(usage)?.[1]?.trim() ?? ""
  return (lines[words] ?? []).map((line) => {
    const [command = "", description] = line.split("  # ")
    return description === undefined ? { command } : { command, description }
  })
}
