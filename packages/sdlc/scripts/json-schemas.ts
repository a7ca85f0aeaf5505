/** Writes src/model/JsonSchemas.ts from the schemas: `npm run schemas -w packages/sdlc`. A test fails when the file is out of date. */
import { writeFileSync } from "node:fs"
import { print } from "./PrintJsonSchemas.ts"

writeFileSync(new URL("../src/model/JsonSchemas.ts", import.meta.url), print())
