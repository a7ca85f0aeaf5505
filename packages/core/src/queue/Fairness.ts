/**
 * Weighted fairness between owners (projects, environments, webhooks, the system): start-time fair queueing (Goyal, Vin and Cheng 1996). An owner's k-th task of a claim
 * starts at virtual time max(now, its last finish) + k / weight; the earliest starts win. One that was idle gets no
 * credit for it, and one that used workers nobody else waited for owes nothing: a claim that could have taken more changes
 * no tag. Pure.
 */
export interface Clock {
  /** Start tag of the last task handed out while owners competed. */
  readonly now: number
  /** Finish tag of each owner's last task. */
  readonly finish: ReadonlyMap<string, number>
}
export const start: Clock = { now: 0, finish: new Map() }

export interface Lane<A> {
  readonly owner: string
  readonly weight: number
  /** In the order in which the owner wants them to run. */
  readonly tasks: ReadonlyArray<A>
}

/** Chooses up to `limit` tasks; ties go to the owner with the lesser id. Owners without tasks must be left out. */
export const select = <A>(
  lanes: ReadonlyArray<Lane<A>>,
  limit: number,
  clock: Clock
): { readonly chosen: ReadonlyArray<A>; readonly clock: Clock } => {
  if (lanes.length < 2) return { chosen: lanes.flatMap((lane) => lane.tasks.slice(0, limit)), clock }
  const offers = lanes.flatMap((lane) => {
    const from = Math.max(clock.now, clock.finish.get(lane.owner) ?? 0)
    return lane.tasks.slice(0, limit).map((task, k) => ({ lane, task, k, at: from + k / lane.weight }))
  })
  offers.sort((a, b) => a.at - b.at || (a.lane.owner < b.lane.owner ? -1 : a.lane.owner > b.lane.owner ? 1 : a.k - b.k))
  if (offers.length < limit) return { chosen: offers.map((offer) => offer.task), clock }
  const chosen = offers.slice(0, limit)
  const now = chosen.at(-1)?.at ?? clock.now
  const finish = new Map([...clock.finish].filter(([, at]) => at > now))
  for (const offer of chosen) finish.set(offer.lane.owner, offer.at + 1 / offer.lane.weight)
  return { chosen: chosen.map((offer) => offer.task), clock: { now, finish } }
}
