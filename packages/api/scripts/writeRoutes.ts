/** Writes src/client/RouteTable.ts after a change of the contract: `npm run -w packages/api openapi`. */
import { writeFileSync } from "node:fs"
import { text } from "./routes.ts"

writeFileSync(new URL("../src/client/RouteTable.ts", import.meta.url), text())
