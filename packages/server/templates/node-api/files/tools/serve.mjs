// Runs the app on a free port of the loopback interface for the time of one test.
import { createApp } from "../src/app.mjs"

export const serve = async (routes, use) => {
  const app = createApp(routes)
  await new Promise((resolve) => app.listen(0, "127.0.0.1", resolve))
  try {
    await use(`http://127.0.0.1:${app.address().port}`)
  } finally {
    app.closeAllConnections()
    await new Promise((resolve) => app.close(resolve))
  }
}
