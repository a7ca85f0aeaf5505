/** Gitea as a platform's forge. Each module is a namespace; `adapter` is what a platform file chooses. */
export * as GiteaClient from "./GiteaClient.ts"
export * as GiteaForge from "./GiteaForge.ts"
