// Starts the service. PORT (default 3000) and HOST (default 127.0.0.1) choose where; SIGTERM lets open requests finish.
import { createApp } from "./app.mjs"
import { routes } from "./routes.mjs"
import { service } from "./service.mjs"

const port = Number(process.env.PORT ?? 3000)
const host = process.env.HOST ?? "127.0.0.1"
if (!Number.isInteger(port) || port < 0 || port > 65535) {
  console.error(`PORT: expected a port number, got ${JSON.stringify(process.env.PORT)}`)
  process.exit(2)
}
const app = createApp(routes)
app.on("error", (error) => {
  console.error(`cannot listen on ${host}:${port}: ${error.message}`)
  process.exit(1)
})
app.listen(port, host, () => console.log(`${service.name} listens on http://${host}:${app.address().port}`))
for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, () => {
    app.close(() => process.exit(0))
    app.closeIdleConnections()
  })
}
