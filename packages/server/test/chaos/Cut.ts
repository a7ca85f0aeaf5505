/** A TCP relay that can be cut: what is sent then vanishes without an error, as when a network goes away. */
import { connect, createServer, type Socket } from "node:net"

export interface Cut {
  readonly port: number
  readonly cut: () => void
  readonly heal: () => void
  readonly stop: () => Promise<void>
}

export const relay = async (host: string, port: number): Promise<Cut> => {
  let isCut = false
  const pairs = new Set<{ readonly near: Socket; readonly far: Socket; readonly dead: { is: boolean } }>()
  const server = createServer((near) => {
    const far = connect(port, host)
    const pair = { near, far, dead: { is: isCut } }
    pairs.add(pair)
    const drop = () => {
      near.destroy()
      far.destroy()
      pairs.delete(pair)
    }
    near.on("data", (chunk) => {
      if (!pair.dead.is) far.write(chunk)
    })
    far.on("data", (chunk) => {
      if (!pair.dead.is) near.write(chunk)
    })
    for (const socket of [near, far]) {
      socket.on("error", drop)
      socket.on("close", () => {
        if (!pair.dead.is) drop()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    // Connections of before stay silent for good: the bytes between are lost.
    cut: () => {
      isCut = true
      for (const pair of pairs) pair.dead.is = true
    },
    heal: () => {
      isCut = false
    },
    stop: () =>
      new Promise((resolve) => {
        for (const pair of pairs) {
          pair.near.destroy()
          pair.far.destroy()
        }
        server.close(() => resolve())
      })
  }
}
