/**
 * The launch helper: a small process that starts children for a large one and connects their descriptors with it (see Launch.ts).
 * It runs by itself and ends when the process that started it does.
 */
import type { ChildProcess } from "node:child_process"
import { rmSync } from "node:fs"
import { connect, type Socket } from "node:net"
import { dirname } from "node:path"
import type { Duplex } from "node:stream"
import { closeInherited } from "./Descriptors.ts"
import {
  descriptorsOf,
  type FromHelper,
  greeting,
  isLaunchFolder,
  type LaunchOrder,
  spawnPiped,
  type ToHelper
} from "./LaunchOrder.ts"

// What its parent was started with is nobody's business here, and no child's.
closeInherited()

/** The socket of the process that started this one, in a folder of its own. */
const [, , path = ""] = process.argv
const children = new Map<number, ChildProcess>()
// What cannot be told any more concerns nobody: the end of the channel ends this process.
const tell = (message: FromHelper): void => {
  if (process.connected) process.send?.(message, () => undefined)
}

const open = (id: number, descriptor: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect({ path, allowHalfOpen: true }, () => {
      socket.write(greeting(id, descriptor))
      resolve(socket)
    })
    socket.once("error", reject)
  })

/** Both ways; what one end gives up the other gets to know. */
const join = (socket: Socket, stream: Duplex, descriptor: number): void => {
  // A broken end is closed next, and that is what counts.
  for (const end of [socket, stream]) end.on("error", () => undefined)
  if (descriptor === 1 || descriptor === 2) socket.resume()
  else socket.pipe(stream)
  if (descriptor === 0) socket.end()
  else stream.pipe(socket)
  socket.once("close", () => {
    // Input that has come whole may still be on its way into the child; of one that broke off the child shall know.
    if (socket.readableEnded && descriptor !== 1 && descriptor !== 2) stream.resume()
    else stream.destroy()
  })
  stream.once("close", () => socket.end(() => socket.destroy()))
}

const start = async (order: LaunchOrder): Promise<void> => {
  const { id } = order
  // Connected before anything runs: what a child writes to a pipe that nobody reads is lost with its end.
  const sockets = await Promise.all(
    Array.from({ length: descriptorsOf(order) }, (_, descriptor) => open(id, descriptor))
  )
  const child = spawnPiped(order)
  const { pid } = child
  child.on("error", (cause: NodeJS.ErrnoException) => {
    // Of a child that runs it is a signal that did not arrive.
    if (pid !== undefined) return
    for (const socket of sockets) socket.destroy()
    tell({ id, failed: { code: cause.code ?? "EUNKNOWN", message: cause.message } })
  })
  if (pid === undefined) return
  children.set(id, child)
  tell({ id, pid })
  child.once("exit", (code, signal) => {
    children.delete(id)
    tell({ id, exit: { code, signal } })
  })
  for (const [descriptor, socket] of sockets.entries()) {
    const stream = child.stdio[descriptor]
    if (stream !== null && stream !== undefined) join(socket, stream as Duplex, descriptor)
  }
}

// Ctrl-C reaches the whole group of a terminal; when this process ends is its parent's decision.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined)
process.on("disconnect", () => {
  // A parent that was killed has left its folder behind.
  if (isLaunchFolder(dirname(path))) rmSync(dirname(path), { recursive: true, force: true })
  process.exit(0)
})
if (!process.connected) process.exit(0)
process.on("message", (message: ToHelper) => {
  if ("kill" in message) {
    children.get(message.id)?.kill(message.kill)
    return
  }
  start(message).catch((cause: NodeJS.ErrnoException) =>
    tell({ id: message.id, failed: { code: cause.code ?? "EUNKNOWN", message: cause.message } })
  )
})
tell("ready")
