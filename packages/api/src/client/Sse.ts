/** Splits the text of an event stream into frames. Pure. */
export interface Frame {
  readonly id: number | null
  readonly event: string
  readonly data: string
}
/** Of an event without an end: no more than this waits for it. */
const longest = 1_048_576

const frameOf = (block: string): ReadonlyArray<Frame> => {
  let id: number | null = null
  let event = "message"
  const data: Array<string> = []
  for (const line of block.split("\n")) {
    if (line.startsWith("id:")) id = Number(line.slice(3).trim())
    else if (line.startsWith("event:")) event = line.slice(6).trim()
    else if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""))
  }
  return data.length === 0 ? [] : [{ id, event, data: data.join("\n") }]
}

export interface Parser {
  /** Takes what arrived and returns the frames that are complete. */
  push(text: string): ReadonlyArray<Frame>
}
export const parser = (): Parser => {
  let rest = ""
  return {
    push: (text) => {
      const blocks = (rest + text).replaceAll("\r\n", "\n").split("\n\n")
      rest = blocks.pop() ?? ""
      if (rest.length > longest) throw new Error("an event has no end within 1 MiB")
      return blocks.flatMap(frameOf)
    }
  }
}
