/**
 * The command tree of `rdev`. A handler finds the server, makes one or a few calls, and prints what a person reads, or with `--json`
 * exactly what the API answered. What is heavy (the server) is loaded by the commands that need it.
 */
import * as Command from "effect/cli/Command"
import { audit } from "./commands/Audit.ts"
import { agents, templates } from "./commands/Catalogue.ts"
import { components } from "./commands/Components.ts"
import { environments } from "./commands/Environments.ts"
import { events, exec } from "./commands/Events.ts"
import { answer, features, next, run, unblock, why } from "./commands/Features.ts"
import { keys } from "./commands/Keys.ts"
import { operations } from "./commands/Operations.ts"
import { apply, plan } from "./commands/Plans.ts"
import { policy } from "./commands/Policy.ts"
import { gitToken, projects } from "./commands/Projects.ts"
import { adapters, demo, doctor, up, worker } from "./commands/Servers.ts"
import { diff, show } from "./commands/Show.ts"
import { tasks } from "./commands/Tasks.ts"
import { tree } from "./commands/Trees.ts"
import { approve, reject, waive } from "./commands/Verdicts.ts"
import { webhooks } from "./commands/Webhooks.ts"

export const rdev = Command.make("rdev").pipe(
  Command.withDescription(
    "The agent's operating system: workspaces, infrastructure, life cycle, queue and audit for coding agents"
  ),
  Command.withSubcommands([
    up,
    demo,
    doctor,
    adapters,
    projects,
    environments,
    components,
    plan,
    apply,
    gitToken,
    features,
    policy,
    next,
    why,
    run,
    show,
    diff,
    approve,
    reject,
    waive,
    answer,
    unblock,
    events,
    exec,
    tasks,
    operations,
    tree,
    audit,
    webhooks,
    keys,
    agents,
    templates,
    worker
  ])
)
