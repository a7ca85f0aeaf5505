/** `npm test`: sets up, runs every package's tests, and closes with one line `N passed, N failed`. Arguments go to vitest. */
import { setup } from "./setup.mjs"
import { vitest } from "./vitestTotals.mjs"

setup()
process.exit(vitest(process.argv.slice(2)) ? 0 : 1)
