/** The command line of rdev as a library: its command tree and its calls. */
export * as Connection from "./Connection.ts"
export { rdev } from "./Commands.ts"
export { main } from "./Main.ts"
