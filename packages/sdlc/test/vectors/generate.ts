/** Writes vectors/classify.json anew. Run after a deliberate change of the table, and read the difference before committing it. */
import { writeFileSync } from "node:fs"
import { build, print } from "./Vectors.ts"

const file = build()
writeFileSync(new URL("../../vectors/classify.json", import.meta.url), print(file))
process.stdout.write(`${file.cases.length} cases under ${file.table}\n`)
