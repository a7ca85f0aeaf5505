// Says that the process answers. Deployments wait for it, so it must not depend on anything outside the process.
export default {
  method: "GET",
  path: "/health",
  summary: "Whether the service answers.",
  handle: () => ({ status: 200, body: { status: "ok" } })
}
