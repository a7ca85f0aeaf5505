// The routes of the service. One import and one entry per route module.
import health from "./routes/health.mjs"
import index from "./routes/index.mjs"

export const routes = [
  index,
  health
]
