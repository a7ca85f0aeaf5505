/** Events as they travel: flat JSON objects, and the same as frames of an SSE stream. */
import type { EventView } from "@rdev/api/groups/Events"
import { type Event, flat } from "@rdev/core/domain/Event"

export const view = (event: Event): EventView => flat(event) as EventView

/** `type` comes from our own code; a line break in it would end the field. */
const oneLine = (text: string) => text.replace(/[\r\n]/g, " ")

export const frame = (event: Event): Buffer =>
  Buffer.from(`id: ${event.seq}\nevent: ${oneLine(event.type)}\ndata: ${JSON.stringify(view(event))}\n\n`)

/** Told once, when the past is over. It has no id: a reader that comes back goes on after the last real event. */
export const synced = (seq: number): Buffer => Buffer.from(`event: synced\ndata: {"seq":${seq},"type":"synced"}\n\n`)

/** Entries that retention removed; its id lets the reader go on behind them. */
export const gap = (from: number, to: number): Buffer =>
  Buffer.from(`id: ${to}\nevent: gap\ndata: {"seq":${to},"type":"gap","from":${from},"to":${to}}\n\n`)

export const comment = Buffer.from(":\n\n")
/** Opens a stream; the wait before a lost connection is tried again, in ms. */
export const opening = Buffer.from("retry: 1000\n\n")
