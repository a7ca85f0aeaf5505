/** Reason templates: `{name}` is replaced, a `[…]` group vanishes when one of its names is unknown, an unknown name outside a group vanishes alone. */

const clean = (text: string): string => {
  const tidy = text.replace(/\s+/g, " ").replace(/ ([,;:.])/g, "$1").trim()
  return tidy.charAt(0).toUpperCase() + tidy.slice(1)
}

export type Names = { readonly [name: string]: string | number | undefined }

export const fill = (template: string, names: Names): string => {
  const put = (text: string) => text.replace(/\{(\w+)\}/g, (_, name: string) => String(names[name] ?? ""))
  const grouped = template.replace(/\[([^\]]*)\]/g, (_, group: string) => {
    const known = [...group.matchAll(/\{(\w+)\}/g)].every(([, name]) => names[name as string] !== undefined && names[name as string] !== "")
    return known ? put(group) : ""
  })
  return clean(put(grouped))
}
