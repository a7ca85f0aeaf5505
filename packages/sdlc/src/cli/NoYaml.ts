/** Stands in for the `yaml` package in the small build. */
import { NeedsYaml } from "../repo/NeedsYaml.ts"

const refuse = (): never => {
  throw new NeedsYaml()
}

export const parse = refuse
export const stringify = refuse
