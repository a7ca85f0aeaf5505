/** Any program: every line is output. */
import type { Format } from "./Format.ts"

export const plain: Format = { name: "plain", announcesStart: false, read: () => null }
