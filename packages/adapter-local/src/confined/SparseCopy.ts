/**
 * Copies a file so that the copy takes no more room than what it is of: a build can make a file of 2 GiB that is one hole, and a copy
 * of its zeros would fill the disk that its quota did not count.
 */
import * as Folder from "./ConfinedFolder.ts"

/** The smallest piece that file systems leave out. */
const blockBytes = 4096
const zeros = Buffer.alloc(blockBytes)

/** Where the next block begins that is all zeros, or that holds something; the end when there is none. */
const next = (bytes: Buffer, from: number, wanted: "zeros" | "content"): number => {
  for (let at = from; at < bytes.byteLength; at += blockBytes) {
    const to = Math.min(at + blockBytes, bytes.byteLength)
    const isZero = bytes[at] === 0 && zeros.compare(bytes, at, to, 0, to - at) === 0
    if (isZero === (wanted === "zeros")) return at
  }
  return bytes.byteLength
}

/** From one descriptor to a new, empty file, and no more than one piece beyond `limit`; gives the bytes. `buffer` is for what is under way. */
export const copy = async (from: number, to: number, buffer: Buffer, limit: number): Promise<number> => {
  let total = 0
  while (total <= limit) {
    const bytesRead = await Folder.readPiece(from, buffer)
    if (bytesRead === 0) break
    const piece = buffer.subarray(0, bytesRead)
    for (let start = next(piece, 0, "content"); start < bytesRead;) {
      const end = next(piece, start, "zeros")
      await Folder.writeAt(to, piece, start, end, total + start)
      start = next(piece, end, "content")
    }
    total += bytesRead
  }
  // What is left out at the end is a hole too.
  Folder.setSize(to, total)
  return total
}
