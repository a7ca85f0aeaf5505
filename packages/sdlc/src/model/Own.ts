/** Looks a key up that came from outside: `constructor` names nothing that every object has. */
export const own = <T>(record: { readonly [key: string]: T } | undefined, key: string): T | undefined =>
  record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined
