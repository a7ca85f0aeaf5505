export * as AcmeTls from "./AcmeTls.ts"
export { classifyError } from "./classifyError.ts"
