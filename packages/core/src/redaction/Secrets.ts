/**
 * Which values are secrets, and which parts of them are. What is short, common, or made of few digits is not masked: it stands in
 * ordinary output by chance, and masking it would show where it stands. Pure.
 */
export const minLength = 6
const minDigits = 8

const common: ReadonlySet<string> = new Set([
  "admin",
  "administrator",
  "anonymous",
  "changeme",
  "database",
  "debug",
  "default",
  "default_user",
  "development",
  "disabled",
  "enabled",
  "example",
  "false",
  "guest",
  "localhost",
  "master",
  "nobody",
  "none",
  "null",
  "number",
  "object",
  "password",
  "postgres",
  "postgresql",
  "production",
  "project",
  "public",
  "release",
  "secret",
  "staging",
  "string",
  "superuser",
  "testing",
  "undefined",
  "unknown",
  "username",
  "verbose",
  "warning"
])

/** Whether this value, as it is, is masked. */
export const isMasked = (value: string): boolean => {
  const text = value.trim()
  if ([...text].length < minLength || common.has(text.toLowerCase())) return false
  if (/^[\d.,:;+-]+$/.test(text) && text.replace(/\D/g, "").length < minDigits) return false
  return new Set(text.toLowerCase()).size > 2
}

const secretName =
  /pass(?:word|phrase|wd)?|pwd|secret|token|credential|private|api[_-]?key|access[_-]?key|account[_-]?key|signature|auth(?!or)|bearer|cookie|session|salt|pepper|dsn|(?:^|[_-])(?:key|kek|pat|jwt)(?:$|[_-])/i
const publicName = /public|_(?:file|path|dir|id|ids|name|user|host|port|url_base|region|version|ttl|expiry)$/i

/** The working folder, which a shell calls so: masked, every path below it would be unreadable. */
const ofShell: ReadonlySet<string> = new Set(["PWD", "OLDPWD"])

/** Whether a variable, field or parameter of this name holds a secret. */
export const isSecretName = (name: string): boolean =>
  secretName.test(name) && !publicName.test(name) && !ofShell.has(name)

const bits = (text: string): number => {
  const counts = new Map<string, number>()
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1)
  return [...counts.values()].reduce((sum, count) => sum - (count / text.length) * Math.log2(count / text.length), 0)
}

const isPrivateKey = (value: string): boolean => /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(value)

/** Whether a value looks random: what nobody would write by hand. */
export const looksSecret = (value: string): boolean => {
  if (isPrivateKey(value)) return true
  const url = URL.parse(value)
  if (url !== null && url.host !== "") return url.password !== "" || [...url.searchParams.keys()].some(isSecretName)
  // Letters and digits take turns: names and versions of things do so less.
  return (
    value.length >= 12 &&
    !/\s/.test(value) &&
    !/^[./~]/.test(value) &&
    (value.match(/[A-Za-z](?=\d)|\d(?=[A-Za-z])/g)?.length ?? 0) >= 4 &&
    bits(value) >= 3
  )
}

/** Of variables that somebody gave for one run: those that are secrets by their name or by their look. */
export const ofVariables = (variables: Readonly<Record<string, string>>): ReadonlyArray<string> =>
  Object.entries(variables).flatMap(([name, value]) => (isSecretName(name) || looksSecret(value) ? [value] : []))

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    // Not percent-encoded after all: it stands for itself.
    return text
  }
}

const ofUrl = (value: string): ReadonlyArray<string> => {
  const url = URL.parse(value)
  if (url === null) return []
  const raw = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)@/i.exec(value)?.[1] ?? ""
  const password = raw.slice(raw.indexOf(":") + 1 || raw.length)
  const token = url.password === "" && url.username.length >= 16 ? [url.username] : []
  return [
    ...new Set([
      password,
      url.password,
      decoded(url.password),
      ...token,
      ...[...url.searchParams].flatMap(([name, text]) => (isSecretName(name) ? [text] : []))
    ])
  ]
}

const pairs = /(?:^|[\s;,&?{])["']?([\w.-]{2,40})["']?\s*[=:]\s*(?:"([^"]+)"|'([^']+)'|([^\s;,&"'{}]+))/g
const ofPairs = (value: string): ReadonlyArray<string> =>
  [...value.matchAll(pairs)].flatMap((found) =>
    isSecretName(found[1] ?? "") ? [found[2] ?? found[3] ?? found[4] ?? ""] : []
  )

const ofJson = (value: string): ReadonlyArray<string> => {
  if (!/^\s*[[{]/.test(value)) return []
  const walk = (part: unknown, name: string): ReadonlyArray<string> => {
    if (typeof part === "string")
      return isSecretName(name) || ofUrl(part).some(isMasked) || isPrivateKey(part) ? [part] : []
    return typeof part === "object" && part !== null
      ? Object.entries(part).flatMap(([key, item]) => walk(item, Array.isArray(part) ? name : key))
      : []
  }
  try {
    return walk(JSON.parse(value), "")
  } catch {
    // It only begins like JSON.
    return []
  }
}

const ofLines = (value: string): ReadonlyArray<string> => {
  const lines = value.split(/[\r\n]+/).map((line) => line.trim())
  return lines.length < 2 ? [] : lines.filter((line) => line.length >= 16 && !line.startsWith("-----"))
}

const ofLogin = (value: string): ReadonlyArray<string> => {
  const token = /^(?:basic|bearer|token)\s+(\S+)$/i.exec(value)?.[1]
  if (token !== undefined) return [token, ...ofLogin(Buffer.from(token, "base64").toString("utf8"))]
  const login = /^[\w.@-]{1,64}:([^\s/]\S*)$/.exec(value)
  return login === null ? [] : [login[1] ?? ""]
}

/** The value and what in it is a secret by itself: a URL's password, a field of JSON, a line of a key. */
export const partsOf = (value: string): ReadonlyArray<string> => {
  const whole = value.trim()
  const parts = [...ofUrl(whole), ...ofPairs(whole), ...ofJson(whole), ...ofLines(whole), ...ofLogin(whole)]
  const deeper = parts.flatMap((part) => [...ofUrl(part), ...ofLines(part)])
  return [...new Set([whole, ...parts, ...deeper])].filter(isMasked)
}
