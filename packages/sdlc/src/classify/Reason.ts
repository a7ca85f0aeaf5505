/**
 * Reason templates. `{name}` is replaced; `{n:task}` counts ("1 task", "2 tasks", and "tasks" when the number is unknown);
 * a `[…]` group vanishes when one of its names is unknown; an unknown name outside a group vanishes alone.
 */
export type Names = { readonly [name: string]: string | number | undefined }

const placeholder = /\{(\w+)(?::([^}]+))?\}/g

const known = (names: Names, name: string | undefined): boolean =>
  name !== undefined && names[name] !== undefined && names[name] !== ""

const put = (text: string, names: Names): string =>
  text.replace(placeholder, (_, name: string, noun: string | undefined) => {
    const value = names[name]
    if (value === undefined) return noun === undefined ? "" : `${noun}s`
    return noun === undefined ? `${mark}${value}` : `${value} ${noun}${Number(value) === 1 ? "" : "s"}`
  })

/** Stands before every name put in, so that a sentence that begins with an id does not get a capital letter. */
const mark = "\u0000"

const tidy = (text: string): string => {
  const single = text
    .replace(/\s+/g, " ")
    .replace(/ ([,;:.])(?=\s|$)/g, "$1")
    .trim()
  return (single.charAt(0).toUpperCase() + single.slice(1)).replaceAll(mark, "")
}

export const fill = (template: string, names: Names): string => {
  const grouped = template.replace(/\[([^\]]*)\]/g, (_, group: string) =>
    [...group.matchAll(placeholder)].every(([, name]) => known(names, name)) ? put(group, names) : ""
  )
  return tidy(put(grouped, names))
}
