/** The phases of a feature, in their order. */
export { type Phase, phases } from "@rdev/sdlc/model/Phase"
