/** The phases of a feature, in their order. Loads no schema. */
export { type Phase, phases } from "@rdev/core/domain/Phase"
