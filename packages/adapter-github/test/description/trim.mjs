/**
 * Writes `github.json`: of GitHub's published OpenAPI description (`@octokit/openapi`, MIT, 13 MB and 380 MB unpacked with its other
 * forms, which is why it is no dependency) the operations that the adapter uses, with every schema that they reach, in the words of JSON
 * Schema. Run it where that package is installed: `node trim.mjs <folder>/node_modules/@octokit/openapi`.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { operations } from "./operations.mjs"

const [folder] = process.argv.slice(2)
const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"))
const whole = JSON.parse(readFileSync(join(folder, "generated/api.github.com.json"), "utf8"))

const at = (ref) =>
  ref
    .slice(2)
    .split("/")
    .reduce((node, key) => node[key], whole)
const resolved = (node) => (node?.$ref === undefined ? node : at(node.$ref))

const schemas = {}
const words = new Set([
  "description",
  "example",
  "examples",
  "externalDocs",
  "title",
  "discriminator",
  "deprecated",
  "xml"
])
const converted = (node) => {
  if (Array.isArray(node)) return node.map(converted)
  if (typeof node !== "object" || node === null) return node
  if (typeof node.$ref === "string") {
    const name = node.$ref.split("/").at(-1)
    if (!(name in schemas)) {
      schemas[name] = null
      schemas[name] = converted(at(node.$ref))
    }
    return { $ref: `#/schemas/${name}` }
  }
  const { nullable, properties, ...rest } = node
  const kept = Object.fromEntries(
    Object.entries(rest)
      .filter(([key]) => !words.has(key) && !key.startsWith("x-"))
      .map(([key, value]) => [key, key === "enum" || key === "default" ? value : converted(value)])
  )
  if (properties !== undefined)
    kept.properties = Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, converted(schema)]))
  return nullable === true ? { anyOf: [kept, { type: "null" }] } : kept
}
const bodyOf = (content) => {
  const json = Object.entries(content ?? {}).find(([type]) => type.includes("json"))
  return json === undefined ? null : converted(json[1].schema ?? {})
}

const described = {}
for (const route of operations) {
  const [method, path] = route.split(" ")
  const item = whole.paths[path]
  const operation = item?.[method.toLowerCase()]
  if (operation === undefined) throw new Error(`the description does not know ${route}`)
  const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])].map(resolved)
  const requestBody = resolved(operation.requestBody)
  described[route] = {
    query: Object.fromEntries(
      parameters.filter((one) => one.in === "query").map((one) => [one.name, converted(one.schema)])
    ),
    body: requestBody === undefined ? null : bodyOf(requestBody.content),
    responses: Object.fromEntries(
      Object.entries(operation.responses).map(([status, response]) => [status, bodyOf(resolved(response).content)])
    )
  }
}
writeFileSync(
  new URL("github.json", import.meta.url),
  `${JSON.stringify({ source: `@octokit/openapi ${version}, generated/api.github.com.json`, operations: described, schemas })}\n`
)
