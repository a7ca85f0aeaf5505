/** The check of an exported audit trail, for programs that are built on the server and not on its parts. */
export { type Verdict, verify } from "@rdev/core/services/AuditExport"
