/** The version of the contract, and of every package of rdev: they are released together. `npm run version` writes this line. */
export const version = "0.1.0"
