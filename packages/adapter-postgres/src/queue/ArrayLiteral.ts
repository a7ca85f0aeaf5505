/** PostgreSQL array texts. The driver's own conversion looks at every element's type, which doubles the cost of a large insert. Pure. */

/** Of numbers, uuids and other texts that need no quotes. */
export const plain = (values: ReadonlyArray<number | string>): string => `{${values.join(",")}}`

const quoted = (text: string): string => `"${text.replace(/["\\]/g, "\\$&")}"`

/** Of any texts; null stays null. */
export const texts = (values: ReadonlyArray<string | null>): string =>
  `{${values.map((value) => (value === null ? "NULL" : quoted(value))).join(",")}}`
