/**
 * The fifteen agent commands. Promises that every action of an agent is carried out by exactly one of them (a test holds
 * them against the rule table); there is none that approves or merges, because those are a person's or the platform's.
 */
import type { Command } from "./Command.ts"
import { plan } from "./Plan.ts"
import { steer } from "./Steer.ts"
import { work } from "./Work.ts"

export type { Command } from "./Command.ts"

export const commands: ReadonlyArray<Command> = [...steer, ...plan, ...work]

const byAction = new Map(commands.flatMap((command) => command.handles.map((action) => [action, command.id] as const)))

/** The command that carries out an action, or `null` when it is not an agent's. */
export const commandFor = (action: string): string | null => byAction.get(action) ?? null
