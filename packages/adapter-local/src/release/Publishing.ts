/** The folder of a site that is served: a copy that only the server writes. */
import { join } from "node:path"
import * as ConfinedCopy from "../confined/ConfinedCopy.ts"
import * as ConfinedTree from "../confined/ConfinedTree.ts"
import { attempt } from "../LocalFailure.ts"
import type { Place } from "./Place.ts"
import * as Records from "./ReleaseRecords.ts"

/** Copied from what was built, unless that was done before. `folder`: the release's. */
export const publish = ({ sandbox }: Pick<Place, "sandbox">, folder: string, files: string, from: string) =>
  attempt(async () => {
    const site = join(folder, Records.siteName)
    if (ConfinedTree.isFolder(site)) return site
    const { workDir } = sandbox.inside({ files, home: join(folder, "home"), filesReadOnly: false })
    // Links and hard links are copied as what they lead to: without a limit a copy could be many times the build.
    const { bytes, depth, files: most } = ConfinedCopy.defaultLimits
    await ConfinedCopy.publish({
      files,
      inside: workDir,
      publish: from,
      into: folder,
      name: Records.siteName,
      limits: { bytes: Math.min(bytes, sandbox.budget.diskBytes), files: Math.min(most, sandbox.budget.files), depth }
    })
    return site
  })
