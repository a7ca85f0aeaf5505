/** The one rule of a feature's short name: it is a folder, a branch and a DNS label. */

export const maxSlugLength = 63
export const slugPattern = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/u
/** What is expected, for whoever wrote another. */
export const slugRule = `lower-case letters, digits and hyphens, at most ${maxSlugLength} characters, not starting or ending with a hyphen`

/** A slug from a title: `Add a café page!` → `add-a-cafe-page`. Empty when there is neither letter nor digit in it. */
export const slugOf = (title: string): string =>
  title
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+/, "")
    .slice(0, maxSlugLength)
    .replace(/-+$/, "")
