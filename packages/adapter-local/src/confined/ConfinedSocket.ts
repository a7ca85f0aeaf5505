/**
 * Connects to a socket file that a sandbox made. The name may by now be a link, or a socket of somebody else's put in its place: what
 * stands there is pinned without following a link, must be a socket, and the connection goes to just that one.
 *
 * Elsewhere than on Linux a connection can only be made by path; there a process that swaps the name between the look and the
 * connection could lead it to another socket.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, type Stats } from "node:fs"
import { connect as connectTo, Socket } from "node:net"
import { at, type Folder, viaDescriptors } from "./ConfinedFolder.ts"

/** Linux; see ConfinedFolder. */
const O_PATH = 0x200000

/** In one go, so that nothing of this process comes between; two system calls that touch no disk. */
const pinSocket = (folder: Folder, name: string): { readonly path: string; readonly close: () => void } => {
  const requireSocket = (stats: Stats) => {
    if (!stats.isSocket()) throw Object.assign(new Error(`${name} is not a socket`), { code: "ECONNREFUSED" })
  }
  const path = at(folder, name).toString()
  if (!viaDescriptors) {
    requireSocket(lstatSync(path))
    return { path, close: () => undefined }
  }
  const descriptor = openSync(path, O_PATH | constants.O_NOFOLLOW)
  try {
    requireSocket(fstatSync(descriptor))
    return { path: `/proc/self/fd/${descriptor}`, close: () => closeSync(descriptor) }
  } catch (cause) {
    closeSync(descriptor)
    throw cause
  }
}

/** A connection; what is wrong comes as its `error`, as with any other. */
export const connect = (folder: Folder, name: string): Socket => {
  try {
    const { close, path } = pinSocket(folder, name)
    let open = true
    const release = () => {
      if (open) close()
      open = false
    }
    return connectTo({ path, allowHalfOpen: false }).once("connect", release).once("close", release)
  } catch (cause) {
    return new Socket().destroy(cause instanceof Error ? cause : new Error(String(cause)))
  }
}
