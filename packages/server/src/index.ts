/** The reference server, and the parts to assemble one of your own. */
export * as Core from "./Core.ts"
export * as Installation from "./Installation.ts"
export * as Listener from "./Listener.ts"
export * as Server from "./Server.ts"
export * as ServerConfig from "./ServerConfig.ts"
export * as App from "./http/App.ts"
