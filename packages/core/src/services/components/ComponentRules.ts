/** What each field of a component may say. Pure. */
import type { ComponentKind } from "../../domain/components/Component.ts"
import type { Rule } from "./YamlFields.ts"

export const kinds: ReadonlyArray<ComponentKind> = ["static", "node", "image", "worker", "cli", "package"]
/** Those that answer requests. */
export const served: ReadonlySet<ComponentKind> = new Set(["static", "node", "image"])
/** Those that are run by a command. */
export const started: ReadonlySet<ComponentKind> = new Set(["node", "worker"])

const pattern =
  (shape: RegExp) =>
  (value: unknown): string | undefined =>
    typeof value === "string" && shape.test(value) ? value : undefined

/** Names in the folder of git, and of what rdev keeps in a repository. */
const reserved: ReadonlySet<string> = new Set([".git", ".sdlc"])
const segment = /^[A-Za-z0-9_@.+-][A-Za-z0-9_@.+ -]{0,99}$/u

/** A folder of the repository in one spelling, or undefined: never one outside of it, of git, or of the platform. */
export const folder = (value: unknown): string | undefined => {
  if (typeof value !== "string" || value.length > 200) return undefined
  const path = value.replace(/^\.\//, "").replace(/\/$/, "")
  if (path === "." || path === "") return value === "" ? undefined : "."
  const segments = path.split("/")
  return segments.every(
    (one) =>
      segment.test(one) &&
      !/^\.+$/.test(one) &&
      !one.endsWith(" ") &&
      !one.endsWith(".") &&
      !reserved.has(one.toLowerCase())
  )
    ? path
    : undefined
}

const command = (value: unknown): string | undefined =>
  // oxlint-disable-next-line no-control-regex
  typeof value === "string" &&
  value.trim() !== "" &&
  value.length <= 2_000 &&
  !/[\u0000-\u0008\u000b-\u001f]/.test(value)
    ? value
    : undefined

/** Host names of components stand beside those of environments (see domain/hosts/Hosts). */
const taken: ReadonlySet<string> = new Set(["production", "staging", "preview"])
const label = pattern(/^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$/u)
export const name: Rule<string> = {
  read: (value) => {
    const found = label(value)
    return found === undefined || taken.has(found) || found.includes("--") ? undefined : found
  },
  problem: "cannot be a component's name",
  fix: "Use lower-case letters, digits and single hyphens, start with a letter, end with a letter or digit, at most 40 characters, and no name of an environment"
}
export const kind: Rule<ComponentKind> = {
  read: (value) => kinds.find((one) => one === value),
  problem: "is no kind of component",
  fix: `Write one of ${kinds.join(", ")}`
}
export const path: Rule<string> = {
  read: folder,
  problem: "is no folder of the repository",
  fix: "Write a folder such as apps/web, or . for the whole repository: without .., .git or .sdlc, at most 200 characters"
}
export const publish: Rule<string> = {
  read: folder,
  problem: "is no folder of the component",
  fix: "Write the folder that is served, such as dist"
}
export const build: Rule<string> = {
  read: command,
  problem: "is no command",
  fix: "Write a command such as npm run build, at most 2000 characters"
}
export const start: Rule<string> = {
  read: command,
  problem: "is no command",
  fix: "Write the command that runs it, such as node src/server.mjs"
}
export const port: Rule<number> = {
  read: (value) =>
    typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 65_535 ? value : undefined,
  problem: "is no port",
  fix: "Write a whole number from 1 to 65535"
}
export const health: Rule<string> = {
  read: (value) => {
    const found = pattern(/^\/[^\s?#\\]{0,199}$/)(value)
    return found === undefined || found.split("/").includes("..") ? undefined : found
  },
  problem: "is no path",
  fix: "Write a path that begins with /, such as /health, without query, spaces or .."
}
export const need: Rule<string> = {
  read: label,
  problem: "is no kind of resource",
  fix: "Write kinds such as database, cache or logging"
}
export const isPublic: Rule<boolean> = {
  read: (value) => (typeof value === "boolean" ? value : undefined),
  problem: "is neither true nor false",
  fix: "Write true for the one component that people reach, else leave it out"
}
export const idle: Rule<"never" | number> = {
  read: (value) =>
    value === "never" || (typeof value === "number" && value >= 0.1 && value <= 10_080) ? value : undefined,
  problem: "is no time",
  fix: "Write never, or minutes from 0.1 to 10080"
}
