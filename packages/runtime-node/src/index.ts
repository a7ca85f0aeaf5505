/** What adapters that run on Node share. Each module is a namespace. */
export * as Launch from "./Launch.ts"
export * as Lines from "./Lines.ts"
export * as NodeError from "./NodeError.ts"
export * as OutboundHttp from "./http/OutboundHttp.ts"
export * as Pipeline from "./pipeline/Pipeline.ts"
export * as PublicAddress from "./http/PublicAddress.ts"
