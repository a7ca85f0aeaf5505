/** Bytes on a socket exactly as they are written, and what comes back before it closes. */
import { connect, type Socket } from "node:net"

export interface RawAnswer {
  readonly status: number
  readonly head: string
  readonly body: string
  readonly text: string
}

const answerOf = (text: string): RawAnswer => {
  const end = text.indexOf("\r\n\r\n")
  return {
    status: Number(text.slice(9, 12)),
    head: end === -1 ? text : text.slice(0, end),
    body: end === -1 ? "" : text.slice(end + 4),
    text
  }
}
const opened = (port: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => resolve(socket))
    socket.once("error", reject)
  })

/** Sends the parts one by one and reads to the end. */
export const exchange = async (port: number, ...parts: ReadonlyArray<string | Uint8Array>): Promise<RawAnswer> => {
  const socket = await opened(port)
  return new Promise((resolve, reject) => {
    const chunks: Array<Buffer> = []
    socket.removeAllListeners("error")
    socket.on("data", (chunk) => chunks.push(chunk))
    // A server that refuses early may close while the rest is being written.
    socket.on("error", (error) => chunks.length === 0 && reject(error))
    socket.on("close", () => resolve(answerOf(Buffer.concat(chunks).toString("utf8"))))
    for (const part of parts) socket.write(part)
  })
}

/** Where a client breaks off. */
export const cuts = [
  "before-headers-end",
  "before-body-end",
  "after-body",
  "half-closed",
  "after-first-byte",
  "reset"
] as const
export type Cut = (typeof cuts)[number]

/** Sends the request and breaks off there; resolves when the socket is gone. */
export const cutOff = async (port: number, head: string, body: string, cut: Cut): Promise<void> => {
  const socket = await opened(port)
  const gone = new Promise<void>((resolve) => socket.on("close", () => resolve()))
  socket.removeAllListeners("error")
  socket.on("error", () => socket.destroy())
  const whole = `${head}\r\n\r\n${body}`
  switch (cut) {
    case "before-headers-end":
      socket.write(head.slice(0, -4), () => socket.destroy())
      break
    case "before-body-end":
      socket.write(whole.slice(0, -3), () => socket.destroy())
      break
    case "after-body":
      socket.write(whole, () => socket.destroy())
      break
    case "half-closed":
      socket.end(whole)
      socket.resume()
      break
    case "after-first-byte":
      socket.once("data", () => socket.destroy())
      socket.write(whole)
      break
    case "reset":
      socket.write(whole, () => socket.resetAndDestroy())
      break
  }
  return gone
}
