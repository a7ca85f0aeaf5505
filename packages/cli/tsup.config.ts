import { defineConfig, type Options } from "tsup"
import base from "../../tsup.config.ts"
import { program } from "./scripts/program.ts"

/** The library, one file per module, and the program in `dist/program`. */
export default defineConfig({
  ...(base as Options),
  entry: ["src/**/*.ts", "!src/bin.ts"],
  onSuccess: () => program("dist/program")
})
