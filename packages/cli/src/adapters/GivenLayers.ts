import type { Layers } from "@rdev/server/Installation"

/** Slots that a program of one's own fills in TypeScript (see Main.main). */
export const given: { layers: Layers } = { layers: {} }
