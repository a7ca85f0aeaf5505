/** Writes openapi.json; run it after a change of the contract: `npm run -w packages/api openapi`. */
import { writeFileSync } from "node:fs"
import { text } from "../src/OpenApiDocument.ts"

writeFileSync(new URL("../openapi.json", import.meta.url), text())
