/** What waits for a person: over all projects once, or of one project from now on. `node inbox.ts [project]` */
import * as ClientError from "@rdev/api/ClientError"
import * as RdevClient from "@rdev/api/RdevClient"

const rdev = RdevClient.make({
  url: process.env["RDEV_URL"] ?? "http://127.0.0.1:4848",
  key: process.env["RDEV_API_KEY"] ?? null
})

/** Everything that a person has to decide, as a line. */
const waiting = async (project: string) => {
  for await (const { slug } of rdev.features.listAll({ project })) {
    const { action, kind, reason } = await rdev.features.next({ project, feature: slug })
    if (kind === "approve" || kind === "hold") console.log(`${project}/${slug}: ${action} (${reason})`)
  }
}

const [only] = process.argv.slice(2)
try {
  if (only === undefined) {
    for await (const { name } of rdev.projects.listAll()) await waiting(name)
  } else {
    for await (const event of rdev.events.follow({ project: only, types: "feature.decided" }))
      if (event["kind"] === "approve" || event["kind"] === "hold")
        console.log(`${only}/${String(event["feature"])}: ${String(event["action"])} (${String(event["reason"])})`)
  }
} catch (error) {
  if (!ClientError.is(error)) throw error
  console.error(`${error.message}\n${error.fix}`)
  process.exitCode = 1
}
