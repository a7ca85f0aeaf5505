/**
 * The database schema of an installation. Our SQL is written for the schema `rdev`: whatever we made stands in it as `rdev.name`, and the
 * queue's notification channel as `'rdev_queue'`, so that nothing depends on a session's search_path, which poolers do not keep. For another
 * schema each text is rewritten once. Pure.
 */
import { StoreError } from "@rdev/core/ports/stores/StoreError"
import { hash } from "node:crypto"

export const standard = "rdev"
/** Names of channels are made of it, and PostgreSQL's names have at most 63 bytes. */
const maxLength = 53
/** Nothing that could end a quoted name, a text, a format or a function's body. */
const form = /^[A-Za-z_][A-Za-z0-9_-]*$/
const theirs = /^(?:public|information_schema|pg_.*)$/i

const faultOf = (name: string): string | null => {
  if (name === "") return "it is empty: leave it unset for the schema rdev"
  if (!form.test(name))
    return `${JSON.stringify(name)} is not a name that can be used: write letters (a-z, A-Z), digits, _ and -, beginning with a letter or _; without quotes, as capitals are kept as they are written`
  if (name.length > maxLength) return `${name} is too long: at most ${maxLength} characters`
  return theirs.test(name) ? `${name} is not rdev's alone: name a schema of its own, e.g. rdev` : null
}
/** Null for a name that can be used. */
export const problemOf = (name: string): StoreError | null => {
  const message = faultOf(name)
  return message === null
    ? null
    : new StoreError({
        operation: "Database.connect",
        reason: { _tag: "Invalid", field: "RDEV_DATABASE_SCHEMA", message }
      })
}

export const quoted = (name: string): string => `"${name}"`
export const channel = (schema: string, topic: string): string => `${schema}_${topic}`
/** Of the lock under which a schema is changed. */
export const lockKey = (schema: string): string =>
  hash("sha256", `rdev ${schema}`, "buffer").readBigInt64BE().toString()

const ours = /\brdev\.(?=[a-z_%'])|(?<=')rdev_queue(?=')/g
/** Texts kept; ours are some hundred. */
const capacity = 2_000

/** Texts for the schema `rdev` as texts for this one. */
export const render = (schema: string): ((sql: string) => string) => {
  if (schema === standard) return (sql) => sql
  const texts = new Map<string, string>()
  return (sql) => {
    let text = texts.get(sql)
    if (text === undefined) {
      text = sql.replaceAll(ours, (mark) => (mark === "rdev." ? `${quoted(schema)}.` : channel(schema, "queue")))
      if (texts.size >= capacity) texts.clear()
      texts.set(sql, text)
    }
    return text
  }
}
