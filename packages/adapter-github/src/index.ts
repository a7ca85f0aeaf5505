/** GitHub as the forge of rdev. */
export * as Access from "./Access.ts"
export * as GitHubForge from "./GitHubForge.ts"
export { classifyError, type Refusal } from "./classifyError.ts"
