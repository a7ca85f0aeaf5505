/**
 * What a start needs and other threads prepare: a program that is about to load the server calls this first, and both go on side by
 * side. Imports next to nothing itself.
 */

/** `databaseUrl`: as RDEV_DATABASE_URL; the embedded engine is prepared only when it is empty. */
export const begin = (databaseUrl: string | undefined): void => {
  if ((databaseUrl ?? "").trim() !== "") return
  // A failure is reported by the start itself, which asks for the same; where this adapter is not installed, none is needed.
  import("@rdev/adapter-postgres/EngineCode").then(({ compile }) => compile()).catch(() => undefined)
}
