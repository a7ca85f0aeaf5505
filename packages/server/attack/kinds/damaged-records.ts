/** One project's records are spoiled on disk; the server starts, says what is damaged, and serves the others. */
import { readdirSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Attack, Kind, ProjectRef } from "../Attack.ts"

const spoils = ["{", "null", "[]", '{"id":1}']

/** Files of that name below a folder. */
const filesNamed = (folder: string, name: string): ReadonlyArray<string> =>
  readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name === name)
    .map((entry) => join(entry.parentPath, entry.name))

const recordsOf = ({ dataDir }: Attack["server"], project: ProjectRef): ReadonlyArray<string> =>
  [
    ...["release.json", "project.json"].flatMap((name) => filesNamed(join(dataDir, "releases", project.id), name)),
    ...filesNamed(join(dataDir, "workspaces", project.id), "workspace.json"),
    ...filesNamed(join(dataDir, "artifacts", project.id), "artifact.json"),
    join(dataDir, "dns", `${project.name}.localhost.json`),
    join(dataDir, "routes", `${project.name}.localhost.json`),
    join(dataDir, "git", `${project.name}.git`, "rdev", "repository.json"),
    join(dataDir, "git", `${project.name}.git`, "rdev", "tokens.json")
  ].filter((path) => statSync(path, { throwIfNoEntry: false }) !== undefined)

const tryOthers = async (attack: Attack, good: ProjectRef, bad: ProjectRef, when: string) => {
  for (const path of [
    "/projects",
    "/operations",
    "/tasks",
    "/webhooks",
    "/keys",
    `/projects/${good.name}`,
    `/projects/${good.name}/events?after=0&limit=10`,
    `/projects/${bad.name}`
  ]) {
    const answer = await attack.api("GET", path, { headers: { accept: "application/json" } })
    attack.held(`GET ${path} with ${when}`, answer.status === 200, `answered ${answer.status}: ${answer.text}`)
  }
  const ran = await attack.exec(good, "echo works")
  attack.held(`the other project works with ${when}`, ran.code === 0, ran.output)
}

export const kind: Kind = {
  name: "damaged-records",
  promise: "A damaged record is its project's trouble alone, and is named with how to repair it",
  run: async (attack) => {
    const [good, bad] = [await attack.project(), await attack.project()]
    await attack.exec(bad, "true")
    await attack.must("POST", `/projects/${bad.name}/git-tokens`, { body: { access: "read" } })
    const records = recordsOf(attack.server, bad)
    attack.held("there are records to spoil", records.length >= 4, records.join(", "))
    for (const spoil of spoils) {
      for (const path of records) writeFileSync(path, spoil)
      await attack.restart("SIGKILL")
      await tryOthers(attack, good, bad, JSON.stringify(spoil))
      const damages = (await attack.must("GET", `/projects/${bad.name}`))["damages"] as ReadonlyArray<
        Record<string, unknown>
      >
      attack.held(
        `the damage by ${JSON.stringify(spoil)} is shown`,
        damages.length > 0 && damages.every((one) => String(one["repair"]).length > 0),
        JSON.stringify(damages)
      )
      const clean = (await attack.must("GET", `/projects/${good.name}`))["damages"] as ReadonlyArray<unknown>
      attack.held("the other project has no damages", clean.length === 0, JSON.stringify(clean))
    }
    const told = await attack.until(
      `/projects/${bad.name}/events?after=0&limit=100&types=project.damaged`,
      (page) => (page["events"] as ReadonlyArray<unknown>).length > 0,
      10
    )
    attack.held("the damage is an event", (told["events"] as ReadonlyArray<unknown>).length > 0)
  }
}
