/** Writes docs/configuration.md. A test says when it is not current. */
import { writeFileSync } from "node:fs"
import { text } from "../src/installation/ConfigurationPage.ts"

writeFileSync(new URL("../../../docs/configuration.md", import.meta.url), await text())
