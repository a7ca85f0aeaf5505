// {{title}}
const title = {{titleJson}}
const maxNameLength = 100

export default {
  method: "GET",
  path: "/{{file}}",
  summary: "The feature's title and a greeting, by name where one is given.",
  handle: ({ query }) => {
    const name = (query.get("name") ?? "").trim()
    if (name.length > maxNameLength) return { status: 400, body: { error: `name: at most ${maxNameLength} characters` } }
    return { status: 200, body: { title, greeting: name === "" ? "Hello" : `Hello ${name}` } }
  }
}
