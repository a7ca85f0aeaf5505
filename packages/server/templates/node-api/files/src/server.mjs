// Starts the service on PORT (default 3000) of HOST (default 127.0.0.1), or on the socket file SOCKET. SIGTERM lets open requests finish.
import { createApp } from "./app.mjs"
import { routes } from "./routes.mjs"
import { service } from "./service.mjs"

const { HOST: host = "127.0.0.1", PORT = "3000", SOCKET: socket } = process.env
const port = Number(PORT)
if (!Number.isInteger(port) || port < 0 || port > 65535) {
  console.error(`PORT: expected a port number, got ${JSON.stringify(PORT)}`)
  process.exit(2)
}
const app = createApp(routes)
app.on("error", (error) => {
  console.error(`cannot listen on ${socket ?? `${host}:${port}`}: ${error.message}`)
  process.exit(1)
})
app.listen(socket === undefined ? { port, host } : { path: socket }, () => {
  console.log(`${service.name} listens on ${socket ?? `http://${host}:${app.address().port}`}`)
})
for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, () => {
    app.close(() => process.exit(0))
    app.closeIdleConnections()
  })
}
