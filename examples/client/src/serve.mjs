/** Serves the page, and beside it the built client as it lies in the package: plain files, no build. */
import { createReadStream, existsSync } from "node:fs"
import { createServer } from "node:http"
import { dirname, extname, join } from "node:path"
import { fileURLToPath } from "node:url"

const page = fileURLToPath(new URL("../page/", import.meta.url))
const client = dirname(fileURLToPath(import.meta.resolve("@rdev/api/RdevClient")))
const types = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8" }

const fileOf = (path) => {
  if (path === "/") return join(page, "index.html")
  const [, folder, name] = /^\/(?:(rdev)\/)?((?:client\/)?[\w-]+\.js)$/.exec(path) ?? []
  return name === undefined ? null : join(folder === undefined ? page : client, name)
}
const server = createServer((request, response) => {
  const file = fileOf(new URL(request.url ?? "/", "http://localhost").pathname)
  if (file === null || !existsSync(file)) return response.writeHead(404).end("There is no such file\n")
  response.writeHead(200, { "content-type": types[extname(file)] })
  return createReadStream(file).pipe(response)
})
server.listen(Number(process.env.PORT ?? 8080), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${server.address().port}`)
})
