/**
 * What to do when the machine itself keeps the server from starting: a full or read-only disk, a missing permission, no descriptors
 * left. Such a cause stands before what was being tried when it was met: no other sandbox and no other git would help. Pure.
 */

export interface Trouble {
  readonly field: string
  readonly fix: string
}

const disk: Trouble = {
  field: "disk",
  fix: "Free disk space (df -h; df -i) where the data folder and the folder for temporary files lie, and start again"
}
const readOnly: Trouble = {
  field: "data folder",
  fix: "Mount its file system writable, or choose another folder with --data-dir (RDEV_DATA_DIR)"
}

/** By the reason of a port; null when it is not the machine's. */
export const ofMachine = ({ _tag, message }: { readonly _tag: string; readonly message?: unknown }): Trouble | null => {
  const text = String(message)
  if (_tag === "ResourceExhausted")
    return /ENOSPC|EDQUOT|disk|No space/i.test(text)
      ? disk
      : { field: "machine", fix: "Raise the limit that is named, or end what uses it up, and start again" }
  if (_tag === "Unauthorized")
    return { field: "data folder", fix: "Give this user what is in it (chown -R), or start as the user who made it" }
  return _tag === "Unsupported" && /EROFS|must be writable/.test(text) ? readOnly : null
}

/** By the code of a system call on the data folder. */
export const ofCode = (code: unknown): Trouble | null =>
  code === "ENOSPC" || code === "EDQUOT" ? disk : code === "EROFS" ? readOnly : null
