/** The whole program. The bundler replaces this module by one that carries the program as text. */
export const full = (): Promise<typeof import("./Run.ts")> => import("./Run.ts")
