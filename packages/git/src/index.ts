/** Git for forges: the port `GitObjects` over bare repositories and over mirrors of hosted ones. Each module is a namespace. */
export * as Git from "./Git.ts"
export * as GitError from "./GitError.ts"
export * as GitObjects from "./GitObjects.ts"
