/** Writes vectors/classify.json and vectors/features.json anew. Run after a deliberate change of the table, and read the difference before committing it. */
import { writeFileSync } from "node:fs"
import { buildFeatures, printFeatures } from "./Features.ts"
import { build, print } from "./Vectors.ts"

const file = build()
writeFileSync(new URL("../../vectors/classify.json", import.meta.url), print(file))
writeFileSync(new URL("../../vectors/features.json", import.meta.url), printFeatures(buildFeatures()))
process.stdout.write(`${file.cases.length} cases under ${file.table}\n`)
