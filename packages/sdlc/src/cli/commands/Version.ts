/** The version of the tool; the bundler puts the package's version in. */
declare const __SDLC_VERSION__: string | undefined

export const version: string = typeof __SDLC_VERSION__ === "undefined" ? "0.0.0-source" : __SDLC_VERSION__
