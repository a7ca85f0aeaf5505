// Serves dist/ on 127.0.0.1 for a look at the page: PORT chooses the port, default 4173. Not for production.
import { readFile } from "node:fs/promises"
import { createServer } from "node:http"

const types = { html: "text/html; charset=utf-8", css: "text/css; charset=utf-8" }
const port = Number(process.env.PORT ?? 4173)
createServer(async (request, response) => {
  const name = request.url === "/" ? "index.html" : (request.url ?? "").replace(/[?#].*$/, "").slice(1)
  if (!/^[\w-]+\.(html|css)$/.test(name)) return void response.writeHead(404).end("not found")
  try {
    response.writeHead(200, { "content-type": types[name.split(".").pop()] }).end(await readFile(new URL(`../dist/${name}`, import.meta.url)))
  } catch {
    response.writeHead(404).end("not found: run npm run build first")
  }
}).listen(port, "127.0.0.1", () => console.log(`http://127.0.0.1:${port}/`))
