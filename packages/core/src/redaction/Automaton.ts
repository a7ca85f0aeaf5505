/**
 * Many patterns as one automaton (Aho and Corasick 1975), over symbols. States near the root have a full row of transitions; the
 * others, nearly all of which have one successor, keep that one and a link to where to look else: 16 bytes instead of 150. Pure.
 */
export interface Automaton {
  readonly stride: number
  /** By state: its row in `dense`, or -1. */
  readonly row: Int32Array
  readonly dense: Int32Array
  readonly only: Uint8Array
  readonly next: Int32Array
  readonly fail: Int32Array
  readonly depth: Uint16Array
  /** By state: symbols of the longest pattern that ends here; 0 = none does. */
  readonly hit: Uint16Array
  /** The same of hints: where something may begin that is known by its look (see Shapes). */
  readonly hint: Uint8Array
  /** By state: whether there is a hit or a hint. */
  readonly marked: Uint8Array
}

const denseDepth = 2

/** First child and next sibling of each node. */
const plant = (patterns: ReadonlyArray<ReadonlyArray<number>>, hints: ReadonlyArray<ReadonlyArray<number>>) => {
  const room = 1 + [...patterns, ...hints].reduce((sum, pattern) => sum + pattern.length, 0)
  const trie = {
    child: new Int32Array(room),
    sibling: new Int32Array(room),
    symbol: new Uint8Array(room),
    depth: new Uint16Array(room),
    hit: new Uint16Array(room),
    hint: new Uint8Array(room),
    size: 1
  }
  const leaf = (pattern: ReadonlyArray<number>): number => {
    let state = 0
    for (const symbol of pattern) {
      let child = trie.child[state] as number
      while (child !== 0 && trie.symbol[child] !== symbol) child = trie.sibling[child] as number
      if (child === 0) {
        child = trie.size++
        trie.symbol[child] = symbol
        trie.depth[child] = (trie.depth[state] as number) + 1
        trie.sibling[child] = trie.child[state] as number
        trie.child[state] = child
      }
      state = child
    }
    return state
  }
  for (const pattern of patterns) trie.hit[leaf(pattern)] = pattern.length
  for (const hint of hints) trie.hint[leaf(hint)] = hint.length
  return trie
}

/** `count`: symbols are below it. Patterns have at least one symbol. */
export const make = (
  patterns: ReadonlyArray<ReadonlyArray<number>>,
  hints: ReadonlyArray<ReadonlyArray<number>>,
  count: number
): Automaton => {
  const { child, depth, hint, hit, sibling, size, symbol } = plant(patterns, hints)
  const order = new Int32Array(size)
  let [filled, rows] = [1, 0]
  const row = new Int32Array(size).fill(-1)
  for (let i = 0; i < filled; i++) {
    const state = order[i] as number
    const first = child[state] as number
    if ((depth[state] as number) <= denseDepth || (first !== 0 && sibling[first] !== 0)) row[state] = rows++
    for (let one = first; one !== 0; one = sibling[one] as number) order[filled++] = one
  }
  const automaton: Automaton = {
    stride: count,
    row,
    dense: new Int32Array(rows * count),
    only: new Uint8Array(size),
    next: new Int32Array(size),
    fail: new Int32Array(size),
    depth: depth.slice(0, size),
    hit: hit.slice(0, size),
    hint: hint.slice(0, size),
    marked: new Uint8Array(size)
  }
  for (const state of order) link(automaton, { child, sibling, symbol }, state)
  return automaton
}

/** Of a state whose shorter suffixes are linked already. */
const link = (
  automaton: Automaton,
  { child, sibling, symbol }: { readonly child: Int32Array; readonly sibling: Int32Array; readonly symbol: Uint8Array },
  state: number
): void => {
  const { dense, fail, hint, hit, marked, next, only, row, stride } = automaton
  const shorter = fail[state] as number
  if (state !== 0) {
    hit[state] = Math.max(hit[state] as number, hit[shorter] as number)
    hint[state] = Math.max(hint[state] as number, hint[shorter] as number)
    marked[state] = hit[state] !== 0 || hint[state] !== 0 ? 1 : 0
  }
  const at = (row[state] as number) * stride
  if (at >= 0 && state !== 0) for (let one = 1; one < stride; one++) dense[at + one] = step(automaton, shorter, one)
  for (let one = child[state] as number; one !== 0; one = sibling[one] as number) {
    const by = symbol[one] as number
    fail[one] = state === 0 ? 0 : step(automaton, shorter, by)
    only[state] = by
    next[state] = one
    if (at >= 0) dense[at + by] = one
  }
}

export const step = ({ dense, fail, next, only, row, stride }: Automaton, from: number, symbol: number): number => {
  let state = from
  for (;;) {
    const at = row[state] as number
    if (at >= 0) return dense[at * stride + symbol] as number
    if (only[state] === symbol) return next[state] as number
    state = fail[state] as number
  }
}
