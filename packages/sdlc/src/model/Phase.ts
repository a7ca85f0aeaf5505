/** The ten phases of a feature, in order. A feature only ever advances by one; it regresses to the first phase whose gate fails. */
export const phases = [
  "draft",
  "specified",
  "planned",
  "ready",
  "implementation",
  "review",
  "audit",
  "qa",
  "merge",
  "released"
] as const

export type Phase = (typeof phases)[number]

/** Position of each phase, draft = 0 … released = 9. */
export const phaseIndex = {
  draft: 0,
  specified: 1,
  planned: 2,
  ready: 3,
  implementation: 4,
  review: 5,
  audit: 6,
  qa: 7,
  merge: 8,
  released: 9
} as const satisfies Record<Phase, number>

/** The phase after `phase`; released is its own successor. */
export const nextPhase = (phase: Phase): Phase => phases[phaseIndex[phase] + 1] ?? "released"
